/** Who uses a data folder: another Watchback, a Postgres that outlived one, or nobody. */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { type Server, createConnection, createServer } from "node:net";
import path from "node:path";
import { AppError } from "../app-error.ts";

/** What `postmaster.pid` says (Postgres documentation, "Database File Layout"). */
export interface PostmasterFile {
  pid: number;
  ready: boolean;
}

/** Reads `postmaster.pid` of a data folder; null where there is none, or it is being written. */
export function readPostmasterFile(dataDir: string): PostmasterFile | null {
  const file = path.join(dataDir, "postmaster.pid");
  if (!existsSync(file)) return null;
  let lines: string[];
  try {
    lines = readFileSync(file, "utf8").split("\n");
  } catch {
    return null;
  }
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid === 0) return null;
  return { pid: Math.abs(pid), ready: lines[7]?.trim() === "ready" };
}

/** True where the process of that number is a Postgres that serves this data folder, and not just anybody with a reused number. */
export function isPostmasterOf(pid: number, dataDir: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  if (process.platform === "linux") {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dataDir);
    } catch {
      return false;
    }
  }
  const listed = spawnSync("ps", ["-ww", "-o", "command=", "-p", String(pid)], { encoding: "utf8" });
  return listed.status === 0 && listed.stdout.includes("postgres") && listed.stdout.includes(dataDir);
}

/**
 * Removes a `postmaster.pid` whose number now belongs to a stranger: Postgres would take it for a running server and refuse. One
 * whose process is gone is left to Postgres, which looks for surviving children first.
 */
export function dropStrangersFile(dataDir: string): void {
  rmSync(path.join(dataDir, "postmaster.pid"), { force: true });
}

/**
 * Claims a data folder for this process, by a socket that lives as long as the process does, so that no stale lock can be left.
 * @throws AppError `config` where another process holds it
 */
export async function claimFolder(runDir: string, dataDir: string): Promise<Server> {
  const address = path.join(runDir, "owner.sock");
  const holder = await askHolder(address);
  if (holder !== null) {
    throw new AppError(
      "config",
      `Another Watchback (process ${holder}) uses the data folder ${dataDir}. Stop it, or set DATA_DIR to another folder.`,
    );
  }
  rmSync(address, { force: true });
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.end(`${process.pid}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, resolve);
  });
  server.on("error", () => undefined);
  return server.unref();
}

/** The number of the process that listens at `address`; null where nobody does. */
function askHolder(address: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createConnection(address);
    let answer = "";
    const finish = (holder: string | null) => {
      socket.destroy();
      resolve(holder);
    };
    socket.setTimeout(1_000, () => {
      finish("unknown");
    });
    socket.on("data", (bytes) => (answer += bytes.toString("utf8")));
    socket.on("end", () => {
      finish(answer.trim() || "unknown");
    });
    socket.on("error", () => {
      finish(null);
    });
  });
}
