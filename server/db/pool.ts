/** The one pool of ordinary connections. */

import pg from "pg";
import type { Logger } from "../log.ts";
import { withAway } from "./away.ts";
import { type ConnectionOptions, clientConfig } from "./connection.ts";
import type { Database, Queryable } from "./db.ts";

const DEFAULT_POOL_SIZE = 8;
const IS_UP_TIMEOUT_MS = 2_000;

export interface DatabaseOptions {
  connection: ConnectionOptions;
  log: Logger;
  /** Most connections at once; default 8. */
  maxConnections?: number;
  /** Longest time for one statement; default 30 s. */
  statementTimeoutMs?: number;
  /** Longest wait for a new connection; default 5 s. */
  connectTimeoutMs?: number;
}

/**
 * Builds the pool. It connects when first asked, heals by itself after Postgres was away, and never ends the process: a connection
 * that dies while idle is dropped and logged.
 */
export function createDatabase(options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    ...clientConfig(options.connection, {
      connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
      statementTimeoutMs: options.statementTimeoutMs ?? 30_000,
    }),
    max: options.maxConnections ?? DEFAULT_POOL_SIZE,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: true,
  });
  pool.on("error", (error) => {
    options.log.warn("a database connection was lost", { error: error.message });
  });
  const open = new Set<Promise<void>>();
  pool.on("connect", (client) => {
    // A connection that is out of the pool reports its loss to the statement that runs on it; this keeps the rest from being thrown.
    client.on("error", () => undefined);
    const closed = new Promise<void>((resolve) => client.once("end", resolve)).then(() => void open.delete(closed));
    open.add(closed);
  });
  // `pool.end` only says goodbye: a Postgres that is stopped at that moment would call the connections lost.
  const end = async () => {
    // Idle connections do not keep the process alive, and so would let it end in the middle of the goodbye.
    const alive = setInterval(() => undefined, 1_000);
    await pool.end();
    await Promise.all(open);
    clearInterval(alive);
  };
  let stopping: Promise<void> | null = null;

  return {
    query: (sql, values) => run(pool, sql, values),
    transaction: (work) => transaction(pool, work).catch(rethrow),
    isUp: () => isUp(pool),
    stop: () => (stopping ??= end()),
  };
}

function rethrow(error: unknown): never {
  throw withAway(error);
}

async function run<Row extends object>(on: pg.Pool | pg.ClientBase, sql: string, values?: readonly unknown[]): Promise<Row[]> {
  try {
    const result = await on.query<Row>(sql, values === undefined ? [] : [...values]);
    return result.rows;
  } catch (error) {
    throw withAway(error);
  }
}

async function transaction<T>(pool: pg.Pool, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query("BEGIN");
    const result = await work({ query: (sql, values) => run(client, sql, values) });
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch((lost: unknown) => {
      broken = lost instanceof Error ? lost : new Error(String(lost));
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

async function isUp(pool: pg.Pool): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, IS_UP_TIMEOUT_MS, false);
  });
  const answer = pool.query("SELECT 1").then(
    () => true,
    () => false,
  );
  const up = await Promise.race([answer, tooLate]);
  clearTimeout(timer);
  return up;
}
