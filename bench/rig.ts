/** What the figures share: a Postgres on disk with the settings of production, and our built server as a process of its own. */

import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { toConnectionString, withClient, withDatabase, type ConnectionOptions } from "../server/db/connection.ts";
import { startCluster, type TestCluster } from "../test/harness/postgres.ts";
import { ROOT, startProcess, type ServerProcess } from "./processes.ts";

/** Where a figure lets the load of one machine through as if it came from many. */
const OPEN_GATES = {
  RATE_LIMIT_REQUESTS_PER_SEC: "1000000",
  RATE_LIMIT_BURST: "10000000",
  RATE_LIMIT_KB_PER_SEC: "100000000",
  RATE_LIMIT_KB_BURST: "100000000",
  RATE_LIMIT_SOCKETS_PER_SEC: "1000000",
  RATE_LIMIT_SOCKETS_BURST: "10000000",
  MAX_TRACKERS_PER_ADDRESS: "10000000",
  MAX_VIEWERS_PER_ADDRESS: "10000000",
  MAX_EVENTS_PER_SESSION: "1000000000",
};
const SUPERUSER = { email: "bench@example.com", password: "a long bench password" };
const HEALTH_MS = 30_000;
/** As many as `max_wal_size` of the embedded Postgres comes to: what it has when it has run for a while under load. */
const WAL_FILES = 256;

export interface Watchback extends ServerProcess {
  readonly key: string;
  readonly origin: string;
  /** Where a tracker connects. */
  readonly trackerUrl: URL;
  /** Signs in as the administrator; the value for a `Cookie` header. */
  signIn(): Promise<string>;
  /** Signs in as the administrator and makes a bearer token. */
  createToken(): Promise<string>;
  viewerUrl(token: string): URL;
  /** The database it writes into. */
  readonly connection: ConnectionOptions;
}

export interface Rig {
  readonly cluster: TestCluster;
  /** Makes an empty database. */
  createDatabase(): Promise<ConnectionOptions>;
  /** Starts our built server on an empty database. */
  startWatchback(env?: Readonly<Record<string, string>>): Promise<Watchback>;
  /** Starts one of `bench/peers` (TypeScript). */
  startPeer(file: string, args?: readonly string[], nodeFlags?: readonly string[]): Promise<ServerProcess>;
  /** Stops whatever still runs and removes the files. */
  close(): Promise<void>;
}

/** Builds what is stale and starts Postgres. */
export async function createRig(): Promise<Rig> {
  const built = spawnSync(process.execPath, [path.join(ROOT, "bin/build.mjs"), "--quiet"], { cwd: ROOT, stdio: "inherit" });
  if (built.status !== 0) throw new Error("the build failed");
  const folder = mkdtempSync(path.join(tmpdir(), "wb-bench-"));
  const cluster = await startCluster();
  await warmUpWal(cluster.connection);
  const running: ServerProcess[] = [];
  const keep = <P extends ServerProcess>(started: P): P => {
    running.push(started);
    return started;
  };
  const createDatabase = async (): Promise<ConnectionOptions> => {
    const name = `bench_${randomBytes(4).toString("hex")}`;
    await withClient(cluster.connection, (client) => client.query(`CREATE DATABASE ${name}`));
    return withDatabase(cluster.connection, name);
  };
  return {
    cluster,
    createDatabase,
    async startWatchback(env = {}) {
      return keep(await startWatchback(await createDatabase(), folder, env));
    },
    async startPeer(file, args = [], nodeFlags = []) {
      const script = path.join(ROOT, "bench/peers", file);
      return keep(await startProcess({ args: [...nodeFlags, path.join(ROOT, "bin/run.mjs"), script, ...args] }));
    },
    async close() {
      for (const each of running) await each.kill();
      await cluster.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Brings the write-ahead log into the state of a Postgres that has run for a while: files to use again, where a fresh one has to make and
 * sync a new one for every 16 MB, in the middle of somebody's commit (measured: a tenth of the time at 25,000 batches a second).
 */
async function warmUpWal(connection: ConnectionOptions): Promise<void> {
  await withClient(connection, async (client) => {
    for (let i = 0; i < WAL_FILES; i++) {
      await client.query("SELECT pg_logical_emit_message(false, 'bench', 'x')");
      await client.query("SELECT pg_switch_wal()");
    }
    await client.query("CHECKPOINT");
  });
}

/**
 * Starts a built server on a free port and resolves when it is healthy.
 * @param folder for its logs
 * @param script default the shipped one
 */
export async function startWatchback(
  connection: ConnectionOptions,
  folder: string,
  env: Readonly<Record<string, string>> = {},
  script = "dist/server/main.js",
): Promise<Watchback> {
  const key = env["DEFAULT_PROJECT_KEY"] ?? randomBytes(16).toString("hex");
  const wanted = await freePort();
  const started = await startProcess({
    // As `npm start` does: a small young generation halves what an idle connection costs.
    args: ["--max-semi-space-size=4", script],
    env: {
      HOST: "127.0.0.1",
      PORT: String(wanted),
      DATABASE_URL: toConnectionString(connection),
      DATA_DIR: folder,
      LOG_DIR: path.join(folder, "logs"),
      LOG_LEVEL: "warn",
      DEFAULT_PROJECT_KEY: key,
      CREATE_SUPERUSER: `${SUPERUSER.email}:${SUPERUSER.password}`,
      ...OPEN_GATES,
      ...env,
    },
    portPattern: new RegExp(`:(${wanted})\\b`),
  });
  const origin = `http://127.0.0.1:${started.port}`;
  await waitForHealth(origin);
  return {
    ...started,
    connection,
    key,
    origin,
    trackerUrl: new URL(`ws://127.0.0.1:${started.port}/ws?type=tracker&key=${key}`),
    signIn: () => signIn(origin),
    createToken: () => createToken(origin),
    viewerUrl: (token) => new URL(`ws://127.0.0.1:${started.port}/ws?type=viewer&token=${token}`),
  };
}

async function waitForHealth(origin: string): Promise<void> {
  const deadline = Date.now() + HEALTH_MS;
  while (Date.now() < deadline) {
    const answer = await fetch(`${origin}/health`).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the server did not become healthy");
}

async function signIn(origin: string): Promise<string> {
  const headers = { "content-type": "application/json", origin };
  const answer = await fetch(`${origin}/auth/login`, { method: "POST", headers, body: JSON.stringify(SUPERUSER) });
  if (!answer.ok) throw new Error(`no sign-in: ${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
  return answer.headers
    .getSetCookie()
    .map((line) => line.split(";")[0] ?? "")
    .join("; ");
}

async function createToken(origin: string): Promise<string> {
  const headers = { "content-type": "application/json", origin, cookie: await signIn(origin) };
  const made = await fetch(`${origin}/v1/tokens`, { method: "POST", headers, body: JSON.stringify({ name: "bench" }) });
  const answer: unknown = await made.json();
  const token = /"([0-9a-f]{40})"/.exec(JSON.stringify(answer))?.[1];
  if (token === undefined) throw new Error(`no token: ${made.status} ${JSON.stringify(answer)}`);
  return token;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}
