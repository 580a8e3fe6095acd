/**
 * The configuration: one table of every environment variable, from which come the typed values, the message about bad ones, and
 * `.env.example`. Nobody else reads `process.env`.
 */

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { AppError } from "./app-error.ts";
import { choice, flag, integer, list, text, url, type Field } from "./config-fields.ts";
import { findRoot } from "./root.ts";

const TABLE = {
  HOST: text("Address to listen on; empty for all of this machine's."),
  PORT: integer("Port to listen on; 0 takes a free one.", { default: 8080, min: 0, max: 65_535 }),
  PUBLIC_URL: url(
    "Address under which browsers reach this server, e.g. https://watch.example.com; empty: http://localhost:PORT.",
    ["http:", "https:"],
  ),
  ALLOWED_ORIGINS: list(
    "Further origins, with commas, whose pages may use a signed-in browser's cookie.",
    text("", { shape: /^https?:\/\/[^/\s]+$/, expected: "origins like https://example.com, with commas" }),
  ),
  TRUST_PROXY: flag("Behind a reverse proxy: take a peer's address from the last entry of X-Forwarded-For.", false),
  TRACKER_PATHS: list(
    "Further paths, with commas, under which the tracker script is served, e.g. /assets/w.js.",
    text("", { shape: /^\/[\w./-]+$/, expected: "paths like /assets/w.js, with commas" }),
  ),
  NODE_ENV: choice("What this process is for.", ["production", "development", "test"], "production"),

  DATABASE_URL: url(
    "A Postgres of your own (14 or newer). With neither this nor DB_*, the embedded Postgres is started.",
    ["postgres:", "postgresql:"],
    {
      secret: true,
    },
  ),
  DB_HOST: text("The same in parts: host, or the folder of a unix socket."),
  DB_PORT: integer("Port of that Postgres.", { default: 5432, min: 1, max: 65_535 }),
  DB_NAME: text("Database name."),
  DB_USER: text("User name."),
  DB_PASSWORD: text("Password.", { secret: true }),
  DATA_DIR: text("Where the embedded Postgres keeps its files.", { default: "./data" }),

  LOG_DIR: text("Folder of the daily log files.", { default: "logs" }),
  LOG_LEVEL: choice("Least important level that is logged.", ["error", "warn", "info", "debug"], "info"),

  CREATE_SUPERUSER: text(
    "email:password of the first administrator, made at start if there is none; empty: a one-time link is printed.",
    {
      secret: true,
      shape: /^[^\s:@]+@[^\s:@]+:.+$/,
      expected: "email:password",
    },
  ),
  DEFAULT_PROJECT_KEY: text("Ingest key of the first project, 32 hex digits; empty: one is made.", {
    shape: /^[0-9a-f]{32}$/,
    expected: "32 hex digits",
    lowerCase: true,
  }),
  SESSION_SECRET_KEY: text(
    "Secret behind resume tokens and cookies, 16 characters or more; empty: one is made and kept in the database.",
    {
      secret: true,
      shape: /^.{16,}$/,
      expected: "at least 16 characters",
    },
  ),

  BATCH_SIZE: integer("Most batches written to Postgres in one transaction.", { default: 2_000, min: 1, max: 100_000 }),
  BATCH_INTERVAL: integer("Milliseconds that batches are gathered before a transaction; 0: as soon as the last one is done.", {
    default: 0,
    min: 0,
    max: 10_000,
  }),
  MAX_BUFFER_MB: integer("Most megabytes of batches that wait for Postgres; past that trackers are told to wait.", {
    default: 32,
    min: 1,
    max: 65_536,
  }),
  MAX_TAIL_MB: integer("Most megabytes of recent batches kept in memory for viewers who join.", {
    default: 32,
    min: 1,
    max: 65_536,
  }),
  MAX_EVENTS_PER_SESSION: integer("Most events kept of one session.", { default: 1_000_000, min: 1, max: 1_000_000_000 }),
  RATE_LIMIT_REQUESTS_PER_SEC: integer(
    "Messages a second that one connection, and requests that one address, may go on sending.",
    {
      default: 500,
      min: 1,
      max: 1_000_000,
    },
  ),
  RATE_LIMIT_BURST: integer("Messages or requests that may come at once before that rate counts.", {
    default: 2_000,
    min: 1,
    max: 10_000_000,
  }),
  RATE_LIMIT_KB_PER_SEC: integer("Kilobytes a second that one connection may go on sending.", {
    default: 8_192,
    min: 1,
    max: 100_000_000,
  }),
  RATE_LIMIT_KB_BURST: integer("Kilobytes that it may send at once before that rate counts.", {
    default: 65_536,
    min: 64,
    max: 100_000_000,
  }),
  RATE_LIMIT_ADDRESS_FACTOR: integer(
    "All of one address together may send as much as this many connections; many visitors can be behind one address.",
    { default: 40, min: 1, max: 1_000_000 },
  ),
  RATE_LIMIT_SOCKETS_PER_SEC: integer("WebSockets a second that one address may go on opening.", {
    default: 2_000,
    min: 1,
    max: 1_000_000,
  }),
  RATE_LIMIT_SOCKETS_BURST: integer("WebSockets that it may open at once before that rate counts.", {
    default: 10_000,
    min: 1,
    max: 10_000_000,
  }),
  MAX_TRACKERS_PER_ADDRESS: integer("Most WebSockets of trackers open from one address; the next is told to come back later.", {
    default: 20_000,
    min: 1,
    max: 10_000_000,
  }),
  MAX_VIEWERS_PER_ADDRESS: integer("The same for viewers.", { default: 2_000, min: 1, max: 10_000_000 }),

  SMTP_HOST: text("Mail server for alerts; empty: no mail is sent."),
  SMTP_PORT: integer("Its port.", { default: 587, min: 1, max: 65_535 }),
  SMTP_SECURE: flag("TLS from the first byte (port 465); otherwise STARTTLS where it is offered.", false),
  SMTP_USER: text("User name there; empty: none."),
  SMTP_PASSWORD: text("Password there.", { secret: true }),
  SMTP_FROM: text("Sender of mails, e.g. watchback@example.com."),
  STUN_URLS: list(
    "Servers, with commas, by which the browsers of a call (co-browsing) learn their own address, e.g. stun:stun.example.com:3478.",
    text("", { shape: /^stuns?:[^\s,]+$/, expected: "addresses like stun:stun.example.com:3478, with commas" }),
  ),
  TURN_URLS: list(
    "Servers, with commas, that pass a call on where the browsers do not reach each other, e.g. turn:turn.example.com:3478.",
    text("", { shape: /^turns?:[^\s,]+$/, expected: "addresses like turn:turn.example.com:3478, with commas" }),
  ),
  TURN_USER: text("User name there; empty where TURN_SECRET is given."),
  TURN_PASSWORD: text("Password there; every page of a call learns it.", { secret: true }),
  TURN_SECRET: text(
    "Secret shared with the TURN servers (coturn: use-auth-secret): passwords are made of it that hold for hours.",
    {
      secret: true,
    },
  ),

  ALERT_ALLOW_PRIVATE: flag("Let alerts be posted to addresses of this machine and its network.", false),

  QUOTA_ERRORS_PER_MINUTE: integer(
    "Errors a minute that Sentry SDKs may send to one project, where it says nothing else; 0: any number.",
    { default: 60_000, min: 0, max: 100_000_000 },
  ),
  QUOTA_ERRORS_PER_DAY: integer("The same by the day (UTC).", { default: 0, min: 0, max: 1_000_000_000 }),
  QUOTA_REPLAYS_PER_MINUTE: integer("Segments of Sentry replays a minute; 0: any number.", {
    default: 6_000,
    min: 0,
    max: 100_000_000,
  }),
  QUOTA_REPLAYS_PER_DAY: integer("The same by the day.", { default: 0, min: 0, max: 1_000_000_000 }),
  SPOOL_MAX_MB: integer("Most megabytes of errors that are kept in DATA_DIR/spool while Postgres is away.", {
    default: 1_024,
    min: 1,
    max: 1_000_000,
  }),

  CHROMIUM_PATH: text("Chromium or Chrome that makes films of sessions; empty: looked for on PATH; off: no films."),
  CHROMIUM_SANDBOX: flag("Chromium's own sandbox; false only where this machine (a container, often) allows it none.", true),

  SESSION_IDLE_MINUTES: integer("A session ends after this many minutes without an event.", { default: 30, min: 1, max: 1_440 }),
  SESSION_CLEANUP_INTERVAL: integer("Seconds between looks for sessions that have gone idle.", {
    default: 60,
    min: 1,
    max: 86_400,
  }),
  RETENTION_DAYS: integer("Days that sessions are kept, where their project says nothing else.", {
    default: 7,
    min: 1,
    max: 3_650,
  }),
  ERROR_RETENTION_DAYS: integer("The same for sessions with errors; fewer than RETENTION_DAYS counts as that.", {
    default: 30,
    min: 1,
    max: 3_650,
  }),
  STORAGE_BUDGET_GB: integer("Gigabytes that the tables of sessions may take; past that the oldest days go. 0: any number.", {
    default: 0,
    min: 0,
    max: 1_000_000,
  }),
  SOURCE_MAP_DAYS: integer("Days that an upload of source maps is kept after the last error that it was needed for.", {
    default: 90,
    min: 1,
    max: 3_650,
  }),
  SOURCE_MAP_MB: integer("Megabytes that the source maps of one project may take, packed; past that uploads are refused.", {
    default: 2_048,
    min: 1,
    max: 1_000_000,
  }),
  MIN_FREE_DISK_MB: integer(
    "With fewer free megabytes on the disk of the embedded Postgres no recordings are taken; all else goes on. 0: never.",
    { default: 1_024, min: 0, max: 1_000_000_000 },
  ),
  AUTO_CLEANUP_INTERVAL_MINUTES: integer("Minutes between removals of what need not stay; 0: never.", {
    default: 60,
    min: 0,
    max: 10_080,
  }),
  DRAIN_TIMEOUT_SECONDS: integer("Longest time that a stop waits for what is held to be written.", {
    default: 10,
    min: 1,
    max: 600,
  }),
} as const satisfies Record<string, Field<unknown>>;

const HEADINGS: Partial<Record<keyof typeof TABLE, string>> = {
  HOST: "Server",
  DATABASE_URL: "Database",
  LOG_DIR: "Logs",
  CREATE_SUPERUSER: "First start",
  BATCH_SIZE: "Taking in",
  SESSION_IDLE_MINUTES: "Sessions and retention",
};

type Table = typeof TABLE;

/** Every setting by the name of its environment variable; frozen. */
export type Config = { readonly [N in keyof Table]: Table[N] extends Field<infer T> ? T : never };

/** Variables as the environment and the tests hand them in. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The variables of this process over those of `.env` in `folder`, where there is one.
 * @throws AppError `config` for an `.env` that cannot be read
 */
export function readEnvironment(folder: string = process.cwd()): Environment {
  const file = join(folder, ".env");
  let fromFile: Environment = {};
  try {
    fromFile = parseEnv(readFileSync(file, "utf8"));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) {
      throw new AppError("config", `cannot read ${file}`, { cause: error });
    }
  }
  return { ...fromFile, ...process.env };
}

/**
 * The configuration that an environment describes; empty variables count as absent, unknown ones are somebody else's.
 * @throws AppError `config` with one message that names every bad variable
 */
export function parseConfig(environment: Environment): Config {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(TABLE)) {
    const raw = environment[name]?.trim() ?? "";
    try {
      values[name] = raw === "" ? field.default : field.read(raw);
    } catch (error) {
      faults.push(`${name} ${error instanceof Error ? error.message : "is not valid"}`);
    }
  }
  if (faults.length > 0) {
    throw new AppError("config", `The configuration is not valid:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
  }
  // Each field of the table made the value under its own name, which is what the mapped type says.
  return Object.freeze(values) as Config;
}

/**
 * The configuration of this process; relative folders are below the checkout, wherever it was started from.
 * @throws AppError `config` with one message that names every bad variable
 */
export function loadConfig(): Config {
  const config = parseConfig(readEnvironment());
  const root = findRoot();
  return Object.freeze({ ...config, DATA_DIR: resolve(root, config.DATA_DIR), LOG_DIR: resolve(root, config.LOG_DIR) });
}

/** Folders in which programs are looked for, as the system says. */
export function searchPath(): string {
  return process.env["PATH"] ?? "";
}

/** Address of the Postgres that the configuration names, or null for the embedded one. */
export function databaseUrlOf(config: Config): string | null {
  if (config.DATABASE_URL !== "") return config.DATABASE_URL;
  if (config.DB_HOST === "" && config.DB_NAME === "" && config.DB_USER === "") return null;
  const host = config.DB_HOST === "" ? "localhost" : config.DB_HOST;
  const isSocket = host.startsWith("/");
  const address = new URL("postgres://localhost");
  address.port = String(config.DB_PORT);
  address.username = encodeURIComponent(config.DB_USER);
  address.password = encodeURIComponent(config.DB_PASSWORD);
  address.pathname = `/${encodeURIComponent(config.DB_NAME === "" ? "watchback" : config.DB_NAME)}`;
  if (isSocket) address.searchParams.set("host", host);
  else address.hostname = host;
  return address.href;
}

/** The text of `.env.example`: every variable with its default and one line. */
export function renderEnvExample(): string {
  const lines = [
    "# Every setting of Watchback, with its default. Copy to .env and change what you need.",
    "# Rendered from server/config.ts: npx vitest run server/config.test.ts -u",
  ];
  for (const [name, field] of Object.entries(TABLE)) {
    const heading = Object.entries(HEADINGS).find(([first]) => first === name)?.[1];
    if (heading) lines.push("", `# --- ${heading} ---`);
    lines.push("", `# ${field.help}${field.secret ? " (secret)" : ""}`, `${name}=${String(field.default)}`);
  }
  return `${lines.join("\n")}\n`;
}
