import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { describe, expect, it } from "vitest";
import { databaseUrlOf, parseConfig, readEnvironment, renderEnvExample } from "./config.ts";

describe("configuration", () => {
  it("NET-1 has a default for every variable", () => {
    const config = parseConfig({});
    expect(config.PORT).toBe(8080);
    expect(config.RETENTION_DAYS).toBe(7);
    expect(databaseUrlOf(config)).toBeNull();
    expect(Object.isFrozen(config)).toBe(true);
  });

  it("NET-2 names every bad variable in one message, and repeats no secret", () => {
    const bad = { PORT: "eighty", LOG_LEVEL: "loud", CREATE_SUPERUSER: "hunter2", DEFAULT_PROJECT_KEY: "xyz" };
    let message = "";
    try {
      parseConfig(bad);
    } catch (error) {
      message = error instanceof Error ? error.message : "";
    }
    for (const name of Object.keys(bad)) expect(message).toContain(name);
    expect(message).not.toContain("hunter2");
  });

  it("NET-3 .env.example is what the table renders, and is itself a valid environment", async () => {
    const rendered = renderEnvExample();
    await expect(rendered).toMatchFileSnapshot("../.env.example");
    expect(parseConfig(parseEnv(rendered))).toEqual(parseConfig({}));
  });

  it("NET-4 the environment wins over .env", () => {
    const folder = mkdtempSync(join(tmpdir(), "wb-config-"));
    writeFileSync(join(folder, ".env"), "PORT=9001\nPATH=from-file\nWB_ONLY_IN_FILE=yes\n");
    const environment = readEnvironment(folder);
    expect(environment["PORT"]).toBe("9001");
    expect(environment["WB_ONLY_IN_FILE"]).toBe("yes");
    expect(environment["PATH"]).not.toBe("from-file");
  });

  it("NET-5 puts DB_* together, odd characters and socket folders included", () => {
    const tcp = databaseUrlOf(parseConfig({ DB_HOST: "db", DB_NAME: "wb", DB_USER: "u@x", DB_PASSWORD: "p:/@%" }));
    const read = new URL(tcp ?? "");
    expect(read.host).toBe("db:5432");
    expect(decodeURIComponent(read.username)).toBe("u@x");
    expect(decodeURIComponent(read.password)).toBe("p:/@%");
    expect(databaseUrlOf(parseConfig({ DB_HOST: "/run/pg", DB_USER: "u" }))).toContain("host=%2Frun%2Fpg");
    expect(databaseUrlOf(parseConfig({ DATABASE_URL: "postgres://a/b", DB_HOST: "db" }))).toBe("postgres://a/b");
  });
});
