/** The files of the embedded Postgres: its data folder, made once, and the private folder of its sockets. */

import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { AppError } from "../app-error.ts";
import type { Logger } from "../log.ts";
import { POSTGRES_MAJOR } from "./embedded-binaries.ts";
import type { Runner } from "./embedded-runner.ts";

/** Name of the cluster's owner and of its database. */
export const EMBEDDED_NAME = "watchback";
/** A unix socket's path has room for 107 bytes on Linux and 103 on macOS. */
const MAX_SOCKET_PATH = 100;
const SOCKET_FILE = ".s.PGSQL.5432";

/** A private folder for the sockets: in the data folder, or in the system's temporary folder where that path is too long. */
export function makeRunDir(home: string): string {
  const near = path.join(home, "run");
  const digest = createHash("sha256").update(home).digest("hex").slice(0, 12);
  const isShort = Buffer.byteLength(path.join(near, SOCKET_FILE)) <= MAX_SOCKET_PATH;
  const runDir = isShort ? near : path.join(tmpdir(), `watchback-${digest}`);
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  const found = lstatSync(runDir);
  const us = process.getuid?.();
  if (!found.isDirectory() || (us !== undefined && us !== 0 && found.uid !== us)) {
    throw new AppError("config", `The folder ${runDir} belongs to somebody else. Remove it, or set DATA_DIR to a shorter path.`);
  }
  chmodSync(runDir, 0o700);
  return runDir;
}

/** Makes the cluster beside its final place and moves it there, so that a half-made one is never taken for a whole one. */
export async function makeCluster(runner: Runner, dataDir: string, log: Logger): Promise<void> {
  const versionFile = path.join(dataDir, "PG_VERSION");
  if (existsSync(versionFile)) {
    const major = readFileSync(versionFile, "utf8").trim();
    if (major === String(POSTGRES_MAJOR)) {
      runner.own(dataDir);
      return;
    }
    throw new AppError("config", `The data in ${dataDir} is of Postgres ${major}, and this Watchback brings ${POSTGRES_MAJOR}.`);
  }
  if (existsSync(dataDir)) throw new AppError("config", `${dataDir} holds no Postgres data. Move it away, or set DATA_DIR.`);
  log.info("making the database files", { dataDir });
  const making = `${dataDir}.new`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { mode: 0o700 });
  runner.own(making);
  const args = ["-D", making, "-U", EMBEDDED_NAME, "-A", "trust", "-E", "UTF8", "--locale=C", "--locale-provider=builtin"];
  const child = runner.spawn("initdb", [...args, "--builtin-locale=C.UTF-8", "--data-checksums"], {
    cwd: making,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const told: string[] = [];
  child.stdout?.on("data", (bytes: Buffer) => told.push(bytes.toString("utf8")));
  child.stderr?.on("data", (bytes: Buffer) => told.push(bytes.toString("utf8")));
  const code = await new Promise<number | string>((resolve) => {
    child.once("error", (error) => {
      resolve(error.message);
    });
    child.once("close", (status, by) => {
      resolve(status ?? by ?? "?");
    });
  });
  if (code !== 0) {
    rmSync(making, { recursive: true, force: true });
    throw new AppError("config", `Cannot make the database files in ${dataDir} (${code}): ${lastLines(told.join(""))}`);
  }
  renameSync(making, dataDir);
  syncFolder(path.dirname(dataDir));
}

function syncFolder(folder: string): void {
  const file = openSync(folder, "r");
  fsyncSync(file);
  closeSync(file);
}

/** The end of what a program said, on one line. */
export function lastLines(text: string): string {
  return text.trim().split("\n").slice(-4).join(" / ");
}
