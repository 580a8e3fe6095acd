/**
 * The log: readable lines on the console, and daily files in the log folder. The only importer of winston.
 * Promise: a full disk or an unwritable folder is told once on the console and never stops or slows the server.
 */

import winston from "winston";
import DailyRotateFile from "winston-daily-rotate-file";

export type LogFields = Readonly<Record<string, unknown>>;

/** A constant phrase plus fields; never payloads, keys, cookies or query strings. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogLevel = "error" | "warn" | "info" | "debug";

/** The log of one process. */
export interface Log {
  logger: Logger;
  /** A logger whose lines carry the room's name. */
  child(room: string): Logger;
  /** Writes what nobody caught into `exceptions-…` or `rejections-…`. */
  reportUncaught(kind: "exception" | "rejection", reason: unknown): void;
  /** Resolves when the files hold what was logged, or after a second. */
  close(): Promise<void>;
}

/** A log that goes nowhere, for tests and tools. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Days that log files are kept. */
const KEEP_DAYS = "14d";
/** A folder that could not be written is tried again after this long. */
const RETRY_MS = 60_000;

interface Line {
  time: string;
  level: LogLevel;
  message: string;
  room: string | undefined;
  uncaught: "exception" | "rejection" | undefined;
  fields: LogFields | undefined;
}

/**
 * @param folder where the files go, made if need be; null for none
 * @param level least important level that is kept
 * @param console least important level that is shown on standard output as well; null for none
 */
export function createLog(options: { folder: string | null; level: LogLevel; console: LogLevel | null }): Log {
  const sinks: ((line: Line) => void)[] = [];
  const files: DailyFile[] = [];
  if (options.console !== null) {
    const shown = RANK[options.console];
    const show = createConsoleSink();
    sinks.push((line) => {
      if (RANK[line.level] <= shown) show(line);
    });
  }
  if (options.folder !== null) {
    const folder = options.folder;
    let told = 0;
    const onFault = (error: unknown) => {
      if (Date.now() - told < RETRY_MS) return;
      told = Date.now();
      if (options.console !== null) process.stderr.write(`The log files in ${folder} cannot be written: ${describe(error)}\n`);
    };
    const addFile = (name: string, wants: (line: Line) => boolean) => {
      const file = new DailyFile(folder, name, onFault);
      files.push(file);
      sinks.push((line) => {
        if (wants(line)) file.write(line);
      });
    };
    addFile("application", () => true);
    addFile("error", (line) => line.level === "error");
    addFile("exceptions", (line) => line.uncaught === "exception");
    addFile("rejections", (line) => line.uncaught === "rejection");
  }
  const rank = RANK[options.level];
  const write = (level: LogLevel, message: string, room?: string, fields?: LogFields, uncaught?: Line["uncaught"]) => {
    if (RANK[level] > rank) return;
    const line: Line = { time: new Date().toISOString(), level, message, room, uncaught, fields };
    for (const sink of sinks) sink(line);
  };
  const loggerOf = (room?: string): Logger => ({
    debug: (message, fields) => write("debug", message, room, fields),
    info: (message, fields) => write("info", message, room, fields),
    warn: (message, fields) => write("warn", message, room, fields),
    error: (message, fields) => write("error", message, room, fields),
  });
  return {
    logger: loggerOf(),
    child: loggerOf,
    reportUncaught: (kind, error) => write("error", `uncaught ${kind}`, undefined, { error }, kind),
    close: async () => {
      await Promise.all(files.map((file) => file.close()));
    },
  };
}

const RANK: Record<LogLevel, number> = { error: 0, warn: 1, info: 2, debug: 3 };

/** One daily file, which gives up on a fault and tries again a minute later. */
class DailyFile {
  private readonly folder: string;
  private readonly name: string;
  private readonly onFault: (error: unknown) => void;
  private logger: winston.Logger | null = null;
  private transport: DailyRotateFile | null = null;
  private retryAt = 0;

  constructor(folder: string, name: string, onFault: (error: unknown) => void) {
    this.folder = folder;
    this.name = name;
    this.onFault = onFault;
    this.open();
  }

  write(line: Line): void {
    if (!this.logger && Date.now() >= this.retryAt) this.open();
    try {
      this.logger?.log({ level: line.level, message: toJson(line) });
    } catch (error) {
      this.fail(error);
    }
  }

  async close(): Promise<void> {
    const stream = this.transport?.logStream;
    this.logger = null;
    this.transport = null;
    this.retryAt = Number.POSITIVE_INFINITY;
    if (!stream) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 1_000);
      stream.end(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private open(): void {
    try {
      const transport = new DailyRotateFile({
        dirname: this.folder,
        filename: `${this.name}-%DATE%.log`,
        datePattern: "YYYY-MM-DD",
        frequency: "daily",
        maxFiles: KEEP_DAYS,
        auditFile: `${this.folder}/.${this.name}-audit.json`,
      });
      // Faults of the file arrive here and nowhere else: unheard, they would end the process.
      transport.logStream.on("error", (error: unknown) => this.fail(error));
      transport.on("error", (error: unknown) => this.fail(error));
      this.transport = transport;
      this.logger = winston.createLogger({
        level: "debug",
        format: winston.format.printf((info) => String(info.message)),
      });
      this.logger.pipe(transport);
      this.logger.on("error", (error: unknown) => this.fail(error));
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    this.logger = null;
    this.transport = null;
    this.retryAt = Date.now() + RETRY_MS;
    this.onFault(error);
  }
}

function createConsoleSink(): (line: Line) => void {
  const isTerminal = process.stdout.isTTY;
  const colors: Record<LogLevel, number> = { error: 31, warn: 33, info: 36, debug: 90 };
  return (line) => {
    const level = line.level.padEnd(5);
    const shown = isTerminal ? `\u001b[${colors[line.level]}m${level}\u001b[39m` : level;
    const room = line.room === undefined ? "" : `${line.room}: `;
    process.stdout.write(`${line.time.slice(11, 23)} ${shown} ${room}${line.message}${fieldsAsText(line)}\n`);
  };
}

function fieldsAsText(line: Line): string {
  let text = "";
  for (const [name, value] of Object.entries(line.fields ?? {})) {
    if (value === undefined) continue;
    if (value instanceof Error) text += ` ${name}=${line.level === "error" ? (value.stack ?? describe(value)) : describe(value)}`;
    else text += ` ${name}=${typeof value === "string" ? value : toText(value)}`;
  }
  return text;
}

function toJson(line: Line): string {
  const { fields, ...rest } = line;
  return toText({ ...rest, ...fields });
}

function toText(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, inner: unknown) => {
      if (inner instanceof Error) return errorAsFields(inner);
      return typeof inner === "bigint" ? inner.toString() : inner;
    });
  } catch {
    return '"(not loggable)"';
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Without the other properties that a database driver hangs on its errors: they can hold what was being written. */
function errorAsFields(error: Error): object {
  const code = "code" in error ? error.code : undefined;
  return { name: error.name, message: error.message, code, stack: error.stack, cause: error.cause };
}
