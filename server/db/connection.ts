/** Where a Postgres is, in the two ways people say it, and one connection to it. */

import pg from "pg";
import { AppError } from "../app-error.ts";

/** A URL, or its parts; `host` may be the folder of a unix socket. */
export type ConnectionOptions =
  { connectionString: string } | { host: string; port?: number; database: string; user: string; password?: string };

/** The oldest major version that this program is tested with. */
export const OLDEST_POSTGRES = 14;

/** How one connection behaves, beside where it goes. */
export interface ConnectionHabits {
  applicationName?: string;
  connectTimeoutMs?: number;
  /** 0: none. */
  statementTimeoutMs?: number;
}

/**
 * Options for `pg.Client` and `pg.Pool`. Results come as: `bigint` a number (ours are counts below 2^53), `date` its text
 * `YYYY-MM-DD`, `timestamptz` a Date, `bytea` a Buffer, `jsonb` parsed.
 */
export function clientConfig(connection: ConnectionOptions, habits: ConnectionHabits = {}): pg.ClientConfig {
  return {
    ...connection,
    application_name: habits.applicationName ?? "watchback",
    connectionTimeoutMillis: habits.connectTimeoutMs ?? 5_000,
    keepAlive: true,
    statement_timeout: habits.statementTimeoutMs ?? 30_000,
    types: resultTypes,
  };
}

/** A URL that names the same database, for programs that take only that. */
export function toConnectionString(connection: ConnectionOptions): string {
  if ("connectionString" in connection) return connection.connectionString;
  const password = connection.password === undefined ? "" : `:${encodeURIComponent(connection.password)}`;
  const who = `${encodeURIComponent(connection.user)}${password}`;
  const where = connection.host.startsWith("/") ? "localhost" : connection.host;
  const port = connection.port === undefined ? "" : `:${connection.port}`;
  const socket = connection.host.startsWith("/") ? `?host=${encodeURIComponent(connection.host)}` : "";
  return `postgres://${who}@${where}${port}/${encodeURIComponent(connection.database)}${socket}`;
}

/** For people: `name` at `host:port`, and never a password. */
export function describePlace(connection: ConnectionOptions): string {
  if (!("connectionString" in connection)) {
    const port = connection.port === undefined || connection.host.startsWith("/") ? "" : `:${connection.port}`;
    return `"${connection.database}" at ${connection.host}${port}`;
  }
  const url = new URL(connection.connectionString);
  const name = decodeURIComponent(url.pathname.slice(1));
  return `"${name}" at ${url.searchParams.get("host") ?? (url.host === "" ? "localhost" : url.host)}`;
}

/** The same server, another database. */
export function withDatabase(connection: ConnectionOptions, database: string): ConnectionOptions {
  if (!("connectionString" in connection)) return { ...connection, database };
  const url = new URL(connection.connectionString);
  url.pathname = `/${encodeURIComponent(database)}`;
  return { connectionString: url.toString() };
}

/**
 * Opens one connection, does the work and closes it.
 * @throws whatever the work or the connection throws
 */
export async function withClient<T>(
  connection: ConnectionOptions,
  work: (client: pg.Client) => Promise<T>,
  habits?: ConnectionHabits,
): Promise<T> {
  const client = new pg.Client(clientConfig(connection, habits));
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A pool for a library that wants one of its own. A connection that is lost is an error of what runs on it, and of nothing else. */
export function createBarePool(connection: ConnectionOptions, maxConnections: number): pg.Pool {
  const pool = new pg.Pool({ ...clientConfig(connection), max: maxConnections });
  pool.on("error", () => undefined);
  pool.on("connect", (client) => {
    // Between two owners nobody listens, and an error that nobody hears ends the process.
    client.on("error", () => undefined);
  });
  return pool;
}

/**
 * Refuses a server that is too old.
 * @throws AppError `config`
 */
export function checkVersion(serverVersionNum: number): void {
  if (Math.floor(serverVersionNum / 10_000) >= OLDEST_POSTGRES) return;
  throw new AppError(
    "config",
    `The database is Postgres ${Math.floor(serverVersionNum / 10_000)}; Watchback needs ${OLDEST_POSTGRES} or newer.`,
  );
}

const INT8 = 20;
const DATE = 1082;

const resultTypes = new pg.TypeOverrides();
resultTypes.setTypeParser(INT8, Number);
resultTypes.setTypeParser(DATE, String);
