/** A Watchback whose data lie on a file system of their own that is soon full: a small tmpfs in a mount namespace. Linux, and root, only. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { cleanEnvironment, freePort } from "./app.ts";
import { makeScratch } from "./scratch.ts";
import { root } from "./tree.ts";
import { waitFor } from "./wait.ts";

const MOUNT = 'mount -t tmpfs -o size="$0"m,mode=1777 none "$1"';
const START_MS = 90_000;

/** True where this system lets us mount something for ourselves. */
export function canMount(): boolean {
  if (process.platform !== "linux") return false;
  const folder = makeScratch("wb-mount-");
  const tried = spawnSync("unshare", ["--mount", "sh", "-c", MOUNT, "1", folder], { stdio: "ignore" });
  rmSync(folder, { recursive: true, force: true });
  return tried.status === 0;
}

export interface SmallDisk {
  base: string;
  /** Its data folder as this process can reach it. */
  dataDir: string;
  output(): string;
  stop(): Promise<void>;
}

/** Starts the server from its sources on a disk of `megabytes`. */
export async function startOnSmallDisk(megabytes: number, env: Readonly<Record<string, string>>): Promise<SmallDisk> {
  const scratch = makeScratch("wb-small-");
  const dataDir = path.join(scratch, "data");
  mkdirSync(dataDir);
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const command = `${MOUNT} && exec "$2" bin/run.mjs server/main.ts`;
  const child: ChildProcess = spawn("unshare", ["--mount", "sh", "-c", command, String(megabytes), dataDir, process.execPath], {
    cwd: root,
    env: {
      ...cleanEnvironment(),
      HOST: "127.0.0.1",
      PORT: String(port),
      DATA_DIR: dataDir,
      LOG_DIR: path.join(scratch, "logs"),
      AUTO_CLEANUP_INTERVAL_MINUTES: "0",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (piece: string) => (output = (output + piece).slice(-20_000)));
  }
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
      await once(child, "exit");
      clearTimeout(timer);
    }
    rmSync(scratch, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  try {
    await waitFor(
      async () => {
        if (child.exitCode !== null) throw new Error(`the server ended at its start:\n${output}`);
        return (await fetch(`${base}/health`).catch(() => null))?.ok === true;
      },
      { timeoutMs: START_MS, what: () => `the server to be healthy; it said:\n${output}` },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { base, dataDir: `/proc/${child.pid ?? 0}/root${dataDir}`, output: () => output, stop };
}
