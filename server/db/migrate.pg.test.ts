import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type TestDatabase, createTestDatabase, quietLog } from "../../test/harness/postgres.ts";
import { checkVersion, toConnectionString, withDatabase } from "./connection.ts";
import { describeSchema } from "./describe-schema.ts";
import { findMigrations, migrate, readMigrations } from "./migrate.ts";

let test: TestDatabase;
let folder: string;

beforeAll(async () => {
  test = await createTestDatabase();
});

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "wb-migrations-"));
  await test.database.query("DROP SCHEMA public CASCADE");
  await test.database.query("CREATE SCHEMA public");
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

afterAll(async () => {
  await test.drop();
});

function write(...files: [name: string, sql: string][]): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const [name, sql] of files) writeFileSync(path.join(folder, name), sql);
}

const run = () => migrate(test.connection, quietLog, folder);
const tables = async () => {
  const rows = await test.database.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1",
  );
  return rows.map(({ name }) => name);
};

describe("migrations", () => {
  it("DB-1 are applied in order, each once", async () => {
    write(["0001_make_a.sql", "CREATE TABLE a ()"], ["0002_make_b.sql", "CREATE TABLE b (); DROP TABLE a"]);
    expect(await run()).toEqual(["0001_make_a.sql", "0002_make_b.sql"]);
    expect(await tables()).toEqual(["b", "schema_migrations"]);
    expect(await run()).toEqual([]);
    write(
      ["0001_make_a.sql", "CREATE TABLE a ()"],
      ["0002_make_b.sql", "CREATE TABLE b (); DROP TABLE a"],
      ["0003_c.sql", "CREATE TABLE c ()"],
    );
    expect(await run()).toEqual(["0003_c.sql"]);
  });

  it("DB-1 that fail leave nothing behind, and the ones before them applied", async () => {
    write(["0001_make_a.sql", "CREATE TABLE a ()"], ["0002_make_b.sql", "CREATE TABLE b (); SELECT 1 / 0"]);
    await expect(run()).rejects.toMatchObject({ kind: "config", message: "Migration 0002_make_b.sql failed: division by zero" });
    expect(await tables()).toEqual(["a", "schema_migrations"]);
  });

  it("DB-2 run once where many processes start together", async () => {
    write(["0001_make_a.sql", "CREATE TABLE a (); SELECT pg_sleep(0.1)"]);
    const applied = await Promise.all([run(), run(), run(), run()]);
    expect(applied.flat()).toEqual(["0001_make_a.sql"]);
  });

  it("DB-3 that were changed, lost or numbered wrongly stop the start", async () => {
    write(["0001_make_a.sql", "CREATE TABLE a ()"], ["0002_make_b.sql", "CREATE TABLE b ()"]);
    await run();
    write(["0001_make_a.sql", "CREATE TABLE other ()"], ["0002_make_b.sql", "CREATE TABLE b ()"]);
    await expect(run()).rejects.toThrow("was changed");
    write(["0001_make_a.sql", "CREATE TABLE a ()"]);
    await expect(run()).rejects.toThrow("newer Watchback");
    write(["0001_make_a.sql", ""], ["0001_make_c.sql", ""]);
    expect(() => readMigrations(folder)).toThrow("number of its own");
  });

  it("DB-4 refuse a server that is too old", () => {
    expect(() => {
      checkVersion(130_015);
    }).toThrow("needs 14 or newer");
    expect(() => {
      checkVersion(140_000);
    }).not.toThrow();
  });

  it("DB-16 a database that cannot be used is named, with the reason and without its password", async () => {
    const absent = withDatabase({ connectionString: toConnectionString(test.connection) }, "no such");
    await expect(migrate(absent, quietLog)).rejects.toMatchObject({
      kind: "config",
      message: expect.stringMatching(/^The database "no such" at .* cannot be used: database "no such" does not exist/) as string,
    });
    const nobody = { connectionString: "postgres://me:secret@127.0.0.1:1/mine" };
    const refused = await migrate(nobody, quietLog).catch((error: unknown) => String(error));
    expect(refused).toContain('The database "mine" at 127.0.0.1:1 cannot be used: connect ECONNREFUSED');
    expect(refused).not.toContain("secret");
  });

  it("DB-5 all of them make what sql/schema.sql shows", async () => {
    await migrate(test.connection, quietLog);
    const schema = await describeSchema(test.database);
    await expect(schema).toMatchFileSnapshot(path.join(findMigrations(), "..", "schema.sql"));
  });
});
