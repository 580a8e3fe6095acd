import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createLog } from "./log.ts";

const newFolder = () => mkdtempSync(join(tmpdir(), "wb-log-"));
const linesOf = (folder: string, start: string) => {
  const name = readdirSync(folder).find((file) => file.startsWith(start));
  if (name === undefined) throw new Error(`no file ${start}`);
  return readFileSync(join(folder, name), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line): unknown => JSON.parse(line));
};

describe("log", () => {
  it("NET-6 sorts lines into application, error, exceptions and rejections files of the day", async () => {
    const folder = join(newFolder(), "logs");
    const log = createLog({ folder, level: "info", console: null });
    log.child("net").info("listening", { port: 8080 });
    log.logger.debug("not kept");
    log.logger.error("commit failed", { error: new Error("no space") });
    log.reportUncaught("exception", new Error("thrown"));
    log.reportUncaught("rejection", "just text");
    await log.close();
    expect(
      readdirSync(folder).filter((name) => /^(application|error|exceptions|rejections)-\d{4}-\d\d-\d\d\.log$/.test(name)),
    ).toHaveLength(4);
    expect(linesOf(folder, "application")).toHaveLength(4);
    expect(linesOf(folder, "application")[0]).toMatchObject({ level: "info", message: "listening", room: "net", port: 8080 });
    expect(linesOf(folder, "error-")).toHaveLength(3);
    expect(linesOf(folder, "exceptions")[0]).toMatchObject({ error: { message: "thrown" } });
    expect(linesOf(folder, "rejections")[0]).toMatchObject({ error: "just text" });
  });

  it("NET-7 goes on when the folder cannot be made, is a file, or the disk is full", async () => {
    const inFile = join(newFolder(), "file");
    writeFileSync(inFile, "");
    const folders = [join(inFile, "logs")];
    if (existsSync("/dev/full")) {
      const full = newFolder();
      const now = new Date();
      const day = `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, "0")}-${String(now.getDate()).padStart(2, "0")}`;
      for (const name of ["application", "error", "exceptions", "rejections"])
        symlinkSync("/dev/full", join(full, `${name}-${day}.log`));
      folders.push(full);
    }
    const readOnly = newFolder();
    chmodSync(readOnly, 0o500);
    folders.push(readOnly);
    for (const folder of folders) {
      const log = createLog({ folder, level: "debug", console: null });
      for (let i = 0; i < 200; i++) log.logger.error("a line", { i });
      await new Promise((resolve) => setImmediate(resolve));
      log.logger.error("after the fault");
      await log.close();
    }
  });

  it("NET-8 logs what cannot be written as JSON without throwing", async () => {
    const folder = newFolder();
    const log = createLog({ folder, level: "debug", console: null });
    const loop: Record<string, unknown> = {};
    loop["self"] = loop;
    log.logger.info("odd", { loop, big: 10n, nothing: undefined });
    log.logger.info("fine", { big: 10n });
    await log.close();
    expect(linesOf(folder, "application").length).toBeGreaterThan(0);
  });
});
