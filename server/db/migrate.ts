/** Brings a database to the shape in `sql/migrations`: numbered files, forward only, one transaction each. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import type pg from "pg";
import { AppError } from "../app-error.ts";
import type { Logger } from "../log.ts";
import { type ConnectionOptions, checkVersion, describePlace, withClient } from "./connection.ts";

/** Number of the advisory lock that lets one process migrate at a time ("watchbac" as bytes). */
const LOCK = "8602259476398759267";
const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

export interface Migration {
  number: number;
  name: string;
  sql: string;
  /** SHA-256 of the file: an applied file is never edited again. */
  checksum: string;
}

/**
 * Applies what is missing, and returns the names of what it applied. Safe to run in many processes at once: they queue.
 * @throws AppError `config` for a database that cannot be reached or used, a server that is too old, an applied file that was changed,
 *   or a database newer than this program
 */
export async function migrate(connection: ConnectionOptions, log: Logger, folder: string = findMigrations()): Promise<string[]> {
  const migrations = readMigrations(folder);
  return withClient(
    connection,
    async (client) => {
      const { rows } = await client.query<{ version: number }>("SELECT current_setting('server_version_num')::int AS version");
      checkVersion(rows[0]?.version ?? 0);
      await client.query(`SELECT pg_advisory_lock(${LOCK})`);
      return applyMissing(client, migrations, log);
    },
    { applicationName: "watchback-migrate", statementTimeoutMs: 0 },
  ).catch((error: unknown) => {
    throw error instanceof AppError ? error : cannotUse(connection, error);
  });
}

function cannotUse(connection: ConnectionOptions, error: unknown): AppError {
  const reason = error instanceof Error && error.message !== "" ? error.message : String(error);
  return new AppError(
    "config",
    `The database ${describePlace(connection)} cannot be used: ${reason}. Check DATABASE_URL, or the DB_* variables.`,
    { cause: error },
  );
}

/**
 * Reads the numbered files of a folder, in order.
 * @throws AppError `config` where a file has no number, or the number of another
 */
export function readMigrations(folder: string): Migration[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  const migrations = names.sort().map((name) => {
    const sql = readFileSync(path.join(folder, name), "utf8");
    return { number: Number(FILE_NAME.exec(name)?.[1]), name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
  });
  migrations.forEach((migration, index) => {
    const before = migrations[index - 1]?.number ?? 0;
    if (!(migration.number > before))
      throw new AppError("config", `Migration ${migration.name} should have a number of its own, above ${before}.`);
  });
  return migrations;
}

/** The folder `sql/migrations` of this checkout, whether this runs from source or from `dist`. */
export function findMigrations(): string {
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, "sql", "migrations");
    if (existsSync(candidate)) return candidate;
    if (folder === path.dirname(folder))
      throw new AppError("config", "The folder sql/migrations is missing from this installation.");
  }
}

async function applyMissing(client: pg.Client, migrations: readonly Migration[], log: Logger): Promise<string[]> {
  await client.query(`
    CREATE TABLE IF NOT EXISTS schema_migrations (
      number integer PRIMARY KEY,
      name text NOT NULL,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
  const { rows } = await client.query<{ number: number; name: string; checksum: string }>(
    "SELECT number, name, checksum FROM schema_migrations ORDER BY number",
  );
  const applied = new Map(rows.map((row) => [row.number, row]));
  const unknown = rows.find((row) => !migrations.some((migration) => migration.number === row.number));
  if (unknown !== undefined) {
    throw new AppError("config", `The database was migrated by a newer Watchback (${unknown.name}). Update this one.`);
  }
  const done: string[] = [];
  for (const migration of migrations) {
    const before = applied.get(migration.number);
    if (before === undefined) {
      await applyOne(client, migration);
      log.info("migration applied", { name: migration.name });
      done.push(migration.name);
    } else if (before.checksum !== migration.checksum) {
      throw new AppError("config", `Migration ${migration.name} was changed after it was applied to this database.`);
    }
  }
  return done;
}

async function applyOne(client: pg.Client, migration: Migration): Promise<void> {
  await client.query("BEGIN");
  try {
    await client.query(migration.sql);
    await client.query("INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)", [
      migration.number,
      migration.name,
      migration.checksum,
    ]);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("config", `Migration ${migration.name} failed: ${reason}`, { cause: error });
  }
}
