/** Server processes that a bench starts, and what they cost: memory and processor time as the system counts them. */

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const START_MS = 60_000;
const STOP_MS = 20_000;
/** Ticks a second of /proc's processor times; 100 on every Linux that Node supports. */
const CLOCK_TICKS = 100;

/** The checkout. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  /** Everything that it printed. */
  output(): string;
  /** Resident memory; NaN where the system does not tell. */
  rssBytes(): number;
  /** Processor time used so far, in microseconds; NaN where the system does not tell. */
  cpuMicros(): number;
  /** SIGTERM, and SIGKILL where that does not help. */
  stop(): Promise<void>;
  /** SIGKILL at once. */
  kill(): Promise<void>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
}

export interface ProcessOptions {
  /** Arguments for Node, the script first. */
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** The port in what the process prints, as the first group. */
  portPattern?: RegExp;
}

/**
 * Starts a Node process and resolves when it has printed its port.
 * @throws Error with what it printed where it ends before, or takes over a minute
 */
export async function startProcess(options: ProcessOptions): Promise<ServerProcess> {
  const pattern = options.portPattern ?? /listening on (\d+)/;
  const child = spawn(process.execPath, [...options.args], {
    cwd: ROOT,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const killAtExit = () => child.kill("SIGKILL");
  process.once("exit", killAtExit);
  child.once("close", () => process.off("exit", killAtExit));
  let output = "";
  let ready: (port: number) => void = () => undefined;
  const take = (piece: Buffer): void => {
    output = (output + piece.toString("utf8")).slice(-100_000);
    const port = pattern.exec(output)?.[1];
    if (port !== undefined) ready(Number(port));
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    ready = resolve;
    const fail = (why: string) => reject(new Error(`${options.args.join(" ")} ${why}:\n${output}`));
    child.once("close", (code, signal) => fail(`ended with ${code ?? signal ?? "?"}`));
    child.once("error", reject);
    setTimeout(() => fail("did not start"), START_MS).unref();
  }).catch((error: unknown) => {
    child.kill("SIGKILL");
    throw error;
  });
  return wrap(child, port, ended, () => output);
}

function wrap(child: ChildProcess, port: number, ended: Promise<void>, output: () => string): ServerProcess {
  const pid = child.pid ?? 0;
  return {
    pid,
    port,
    output,
    ended,
    rssBytes: () => readRss(pid),
    cpuMicros: () => readCpu(pid),
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await ended;
      clearTimeout(timer);
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Resident memory of a process in bytes. */
export function readRss(pid: number): number {
  if (process.platform === "linux") {
    const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readOrEmpty(`/proc/${pid}/status`))?.[1];
    return kilobytes === undefined ? Number.NaN : Number(kilobytes) * 1024;
  }
  if (process.platform === "darwin") return Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)]).toString()) * 1024;
  return Number.NaN;
}

/** User and system time of a process in microseconds; threads included, children not. */
function readCpu(pid: number): number {
  if (process.platform !== "linux") return Number.NaN;
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS) * 1e6;
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
