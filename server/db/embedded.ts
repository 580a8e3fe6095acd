/**
 * The embedded Postgres: made at first start, run as a child process, stopped with us, and found again after a kill -9.
 *
 * Life of a cluster: free -> (initdb) -> starting -> ready -> stopping -> free. A server that outlived its Watchback is stopped first;
 * one that dies on its own is started again.
 */

import { accessSync, constants, mkdirSync, realpathSync } from "node:fs";
import path from "node:path";
import { AppError } from "../app-error.ts";
import type { Logger } from "../log.ts";
import type { ConnectionOptions } from "./connection.ts";
import { POSTGRES_MAJOR, locateBinaries } from "./embedded-binaries.ts";
import { Cluster } from "./embedded-cluster.ts";
import { makeCluster, makeRunDir } from "./embedded-files.ts";
import { claimFolder, dropStrangersFile, isPostmasterOf, readPostmasterFile } from "./embedded-lock.ts";
import { type StopMode, isAlive, stopProcess } from "./embedded-process.ts";
import { createRunner } from "./embedded-runner.ts";
import type { PostgresSettings } from "./embedded-settings.ts";

export interface EmbeddedPostgres {
  /** To the database `watchback`, as its owner. */
  readonly connection: ConnectionOptions;
  readonly dataDir: string;
  /** Process number of the server now running; null while there is none. */
  pid(): number | null;
  /** Stops and frees the data folder. Safe to call twice. */
  stop(mode?: StopMode): Promise<void>;
}

export interface EmbeddedOptions {
  /** Folder of Watchback's data; the cluster lives in `pg-18` below it. */
  dataDir: string;
  log: Logger;
  /** Settings on top of the usual ones. */
  settings?: PostgresSettings;
}

/**
 * Starts the embedded Postgres, making or recovering its files as needed, and resolves when it takes connections.
 * @throws AppError `config` where it cannot run here, or another Watchback uses the folder; the message says what to do
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const binaries = locateBinaries();
  const home = makeHome(options.dataDir);
  const dataDir = path.join(home, `pg-${POSTGRES_MAJOR}`);
  const runner = createRunner(binaries, dataDir);
  const runDir = makeRunDir(home);
  const claim = await claimFolder(runDir, home);
  try {
    runner.own(runDir);
    await stopOrphan(dataDir, options.log);
    await makeCluster(runner, dataDir, options.log);
    const cluster = new Cluster(runner, dataDir, runDir, claim, options);
    await cluster.start();
    return cluster;
  } catch (error) {
    claim.close();
    throw error;
  }
}

function makeHome(folder: string): string {
  try {
    // Only the folder itself is closed to others: another account may have to pass through those above it.
    mkdirSync(path.dirname(folder), { recursive: true });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return realpathSync(folder);
  } catch (error) {
    throw new AppError("config", `Cannot keep data in ${folder}. Set DATA_DIR to a folder that can be written.`, {
      cause: error,
    });
  }
}

/** We hold the folder, so a server that still runs in it belongs to a Watchback that was killed. */
async function stopOrphan(dataDir: string, log: Logger): Promise<void> {
  const left = readPostmasterFile(dataDir);
  if (left === null) return;
  if (!isPostmasterOf(left.pid, dataDir)) {
    if (isAlive(left.pid)) dropStrangersFile(dataDir);
    return;
  }
  log.info("stopping the embedded Postgres that a killed Watchback left behind", { pid: left.pid });
  await stopProcess(left.pid, "fast", () => !isPostmasterOf(left.pid, dataDir));
}
