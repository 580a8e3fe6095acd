/** The built product as a process of its own, as people run it: for tests in a browser, of starts and stops, and of loss. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { promisify } from "node:util";
import { createTestDatabase } from "./postgres.ts";
import { makeScratch } from "./scratch.ts";
import { root } from "./tree.ts";
import { waitFor } from "./wait.ts";

const EMAIL = "admin@example.com";
const PASSWORD = "correct horse battery";
const START_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 30_000;
/** What it prints last when it starts. */
const LAST_WORDS = "Ctrl-C stops.";

export interface AppOptions {
  /** `test` (default): a database of its own in the tests' Postgres. `embedded`: the product starts its own under `dataDir`. */
  database?: "test" | "embedded";
  /** Folder of the embedded Postgres; default: a temporary one. It is left there by `stop`, and removed by `remove` if temporary. */
  dataDir?: string;
  /** Make the administrator by CREATE_SUPERUSER (default), or let the start print a set-up link. */
  administrator?: boolean;
  /** Default: `dist/server/main.js`. `npm start` is `bin/start.mjs`. */
  entry?: string;
  /** Further variables. */
  env?: Record<string, string>;
}

/** A running (or stopped) product. */
export interface TestApp {
  /** `http://localhost:port`, without a closing slash. */
  baseUrl: string;
  port: number;
  projectKey: string;
  email: string;
  password: string;
  /** Connection string of its database; null where it has its own. */
  databaseUrl: string | null;
  dataDir: string;
  /** Everything it has printed so far, over all its starts. */
  output(): string;
  pid(): number | undefined;
  /** Signs the administrator in; the value for a `Cookie` header. */
  signIn(): Promise<string>;
  /** Makes a bearer token with every right of the administrator. */
  createToken(): Promise<string>;
  /** Reads JSON as the administrator. */
  getJson(path: string): Promise<unknown>;
  /** Asks it to stop and waits until it has. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Kills it without a word. */
  kill9(): Promise<void>;
  /** Starts it again, with the same port, database and keys. */
  start(): Promise<void>;
  /** Stops it, and removes its database or its temporary folder. */
  remove(): Promise<void>;
}

let building: Promise<unknown> | null = null;

/** Builds what is stale; once a process. */
export function ensureBuilt(): Promise<unknown> {
  return (building ??= promisify(execFile)(process.execPath, [path.join(root, "bin/build.mjs"), "--quiet"], { cwd: root }));
}

/** Builds the product where that is needed, starts it, and waits until it says that it is healthy. */
export async function startApp(options: AppOptions = {}): Promise<TestApp> {
  await ensureBuilt();
  const scratch = makeScratch("wb-app-");
  const database = options.database === "embedded" ? null : await createTestDatabase();
  const dataDir = options.dataDir ?? path.join(scratch, "data");
  const port = await freePort();
  const baseUrl = `http://localhost:${port}`;
  const projectKey = randomBytes(16).toString("hex");
  const env = {
    ...cleanEnvironment(),
    PORT: String(port),
    DATA_DIR: dataDir,
    LOG_DIR: path.join(scratch, "logs"),
    DEFAULT_PROJECT_KEY: projectKey,
    ...(database ? { DATABASE_URL: database.url } : {}),
    ...(options.administrator === false ? {} : { CREATE_SUPERUSER: `${EMAIL}:${PASSWORD}` }),
    ...options.env,
  };
  let child: ChildProcess | null = null;
  let printed = "";
  let cookie: string | null = null;
  // The last line of each start; the server is healthy a little before it.
  const greetings = () => printed.split(LAST_WORDS).length;

  const app: TestApp = {
    baseUrl,
    port,
    projectKey,
    email: EMAIL,
    password: PASSWORD,
    databaseUrl: database?.url ?? null,
    dataDir,
    output: () => printed,
    pid: () => child?.pid,
    async start() {
      // Where it runs does not matter: `.env` of the checkout must not reach a test.
      child = spawn(process.execPath, [path.join(root, options.entry ?? "dist/server/main.js")], { cwd: scratch, env });
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding("utf8").on("data", (piece: string) => (printed += piece));
      const running = child;
      const greeted = greetings();
      await waitFor(
        async () => {
          if (running.exitCode !== null || running.signalCode !== null)
            throw new Error(`the server ended at its start:\n${printed}`);
          return (await fetch(`${baseUrl}/health`).catch(() => null))?.ok === true && greetings() > greeted;
        },
        { timeoutMs: START_TIMEOUT_MS, what: () => `the server to be healthy and to have greeted; it said:\n${printed}` },
      );
    },
    async signIn() {
      const answer = await fetch(`${baseUrl}/auth/login`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ email: EMAIL, password: PASSWORD }),
      });
      if (!answer.ok) throw new Error(`sign-in: ${answer.status} ${await answer.text()}`);
      cookie = answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
      return cookie;
    },
    async createToken() {
      const answer = await fetch(`${baseUrl}/v1/tokens`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Cookie: cookie ?? (await app.signIn()) },
        body: JSON.stringify({ name: "test", scopes: ["read", "admin"] }),
      });
      const made: unknown = await answer.json();
      if (typeof made === "object" && made !== null && "token" in made && typeof made.token === "string") return made.token;
      throw new Error(`no token: ${answer.status} ${JSON.stringify(made)}`);
    },
    async getJson(target) {
      const answer = await fetch(`${baseUrl}${target}`, { headers: { Cookie: cookie ?? (await app.signIn()) } });
      if (!answer.ok) throw new Error(`${target}: ${answer.status} ${await answer.text()}`);
      const read: unknown = await answer.json();
      return read;
    },
    async stop(signal = "SIGTERM") {
      return child ? endProcess(child, signal) : { code: null, signal: null };
    },
    async kill9() {
      if (child) await endProcess(child, "SIGKILL");
    },
    async remove() {
      await app.stop();
      await database?.drop();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
  try {
    await app.start();
  } catch (error) {
    await app.remove();
    throw error;
  }
  return app;
}

/** Ports that no system gives out by itself: what else runs here, and asks for any port, is not given one of these meanwhile. */
const FIRST_PORT = 20_000;
const PORT_COUNT = 10_000;
/** Processes that were started one after the other begin far from each other. */
const PORTS_APART = 97;
let nextPort = process.pid * PORTS_APART;

/** A TCP port that is free, and that nobody takes who does not name it. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORT_COUNT; tries++) {
    const port = FIRST_PORT + (nextPort++ % PORT_COUNT);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
  throw new Error("no free port");
}

/** Our own environment without what would configure the product. */
export function cleanEnvironment(): Record<string, string> {
  const kept = ["PATH", "HOME", "TMPDIR", "LANG", "USER", "LD_LIBRARY_PATH", "SystemRoot"];
  return Object.fromEntries(kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
}

async function endProcess(
  child: ChildProcess,
  signal: NodeJS.Signals,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    child.kill(signal);
    const forced = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(forced);
  }
  return { code: child.exitCode, signal: child.signalCode };
}
