/**
 * A real Postgres for tests. As a vitest `globalSetup` it makes one cluster for the whole run (or takes the server of
 * TEST_DATABASE_URL), with a migrated template database; each test file clones that with `createTestDatabase()`. Without the global
 * set-up, a process that asks first makes a cluster of its own. `startCluster()` gives a test a server that it may crash.
 */

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type ConnectionOptions, toConnectionString, withClient, withDatabase } from "../../server/db/connection.ts";
import type { Database } from "../../server/db/db.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../server/db/embedded.ts";
import type { StopMode } from "../../server/db/embedded-process.ts";
import type { PostgresSettings } from "../../server/db/embedded-settings.ts";
import { migrate } from "../../server/db/migrate.ts";
import { createDatabase } from "../../server/db/pool.ts";
import type { Logger } from "../../server/log.ts";

/** Name of the environment variable that carries the run's server to vitest's workers. */
const HANDOVER = "WATCHBACK_TEST_POSTGRES";

/** Loses nothing when only the process dies, which is all that a test does to it; saves most of the time of a clone. */
const QUICK: PostgresSettings = { fsync: "off", full_page_writes: "off", max_connections: "200", shared_buffers: "128MB" };

/** A log for tests: swallows all but what WATCHBACK_TEST_LOG asks for. */
export const quietLog: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (message, fields) => {
    if (process.env["WATCHBACK_TEST_LOG"]) console.error(message, fields);
  },
};

/** One database of its own, migrated and empty. */
export interface TestDatabase {
  connection: ConnectionOptions;
  /** The same as a URL, e.g. for a child process's DATABASE_URL. */
  url: string;
  database: Database;
  /** Closes `database` and removes the files; connections of others are cut. */
  drop(): Promise<void>;
}

interface Handover {
  connection: ConnectionOptions;
  template: string;
}

/** vitest `globalSetup`: makes the server and the template. */
export async function setup(): Promise<() => Promise<void>> {
  const { handover, stop } = await prepare();
  process.env[HANDOVER] = JSON.stringify(handover);
  return stop;
}

export default setup;

let own: ReturnType<typeof prepare> | null = null;

/** Clones the template into a database for one test file (or one test). */
export async function createTestDatabase(): Promise<TestDatabase> {
  const given = process.env[HANDOVER];
  const handover = given === undefined ? (await (own ??= prepare())).handover : readHandover(given);
  const name = `wb_test_${randomBytes(6).toString("hex")}`;
  await withClient(handover.connection, (admin) => admin.query(`CREATE DATABASE ${name} TEMPLATE ${handover.template}`));
  const connection = withDatabase(handover.connection, name);
  const database = createDatabase({ connection, log: quietLog });
  return {
    connection,
    url: toConnectionString(connection),
    database,
    drop: async () => {
      await database.stop();
      await withClient(handover.connection, (admin) => admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

/** A server that a test owns, stops, crashes and starts again. */
export interface TestCluster {
  connection: ConnectionOptions;
  url: string;
  /** `immediate` is a crash: what was not committed is gone, and the next start recovers. */
  stop(mode?: StopMode): Promise<void>;
  start(): Promise<void>;
  /** Process number of the postmaster, or null while it is stopped. */
  pid(): number | null;
  /** Stops it and removes its files. */
  remove(): Promise<void>;
}

/**
 * Starts an own cluster in a temporary folder, with the settings of production (fsync on) unless told otherwise. Its database is migrated.
 */
export async function startCluster(settings: PostgresSettings = {}): Promise<TestCluster> {
  const dataDir = mkdtempSync(path.join(tmpdir(), "wb-pg-"));
  let running: EmbeddedPostgres | null = null;
  const start = async () => {
    running ??= await startEmbeddedPostgres({ dataDir, log: quietLog, settings });
    return running;
  };
  const stop = async (mode?: StopMode) => {
    const stopping = running;
    running = null;
    await stopping?.stop(mode);
  };
  // For a process that ends without having cleaned up.
  const abandon = () => {
    const pid = running?.pid();
    if (pid) process.kill(pid, "SIGQUIT");
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  };
  process.once("exit", abandon);
  const { connection } = await start();
  await migrate(connection, quietLog);
  return {
    connection,
    url: toConnectionString(connection),
    stop,
    start: async () => {
      await start();
    },
    pid: () => running?.pid() ?? null,
    remove: async () => {
      process.removeListener("exit", abandon);
      await stop("immediate");
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

async function prepare(): Promise<{ handover: Handover; stop: () => Promise<void> }> {
  const external = process.env["TEST_DATABASE_URL"];
  const cluster = external === undefined ? await startCluster(QUICK) : null;
  const connection = cluster?.connection ?? { connectionString: external ?? "" };
  const template = `wb_template_${randomBytes(6).toString("hex")}`;
  await withClient(connection, (admin) => admin.query(`CREATE DATABASE ${template}`));
  await migrate(withDatabase(connection, template), quietLog);
  return {
    handover: { connection, template },
    stop: async () => {
      if (cluster) await cluster.remove();
      else await withClient(connection, (admin) => admin.query(`DROP DATABASE IF EXISTS ${template} WITH (FORCE)`));
    },
  };
}

function readHandover(text: string): Handover {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || !("connection" in value) || !("template" in value)) {
    throw new Error(`${HANDOVER} is not what the global set-up wrote`);
  }
  // Written by `setup` above in this same file.
  return value as Handover;
}
