/**
 * The guard of the disk: before it is full, payloads are refused, so that Postgres can still write what a sign-in, an erasure or a clean-up
 * needs.
 *
 * open (there is room) -> closed (less is free than `minFreeBytes`) -> open (half as much again is free)
 */

import { statfs } from "node:fs/promises";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";

const LOOK_MS = 2_000;
/** How long a tracker waits before it asks again. */
export const DISK_WAIT_MS = 10_000;
/** Between closing and opening lies this share, so that the guard does not flutter. */
const OPEN_AGAIN = 1.5;

/** Free and all bytes of a file system. */
export interface DiskSpace {
  freeBytes: number;
  totalBytes: number;
}

/** What is known of the disk; both null where nobody looks. */
export interface DiskState {
  isClosed: boolean;
  freeBytes: number | null;
  totalBytes: number | null;
  minFreeBytes: number;
}

/** The guard of one process. */
export interface DiskGuard {
  state(): DiskState;
  /** Time to wait before payloads may be taken again, or null where they are taken. */
  waitMs(): number | null;
  /** Looks now. */
  look(): Promise<void>;
  start(): Promise<void>;
  stop(): void;
}

/** What a guard is built from. */
export interface DiskGuardDeps {
  clock: Clock;
  log: Logger;
  /** Folder of the embedded Postgres; null for a database elsewhere, whose disk cannot be seen from here. */
  folder: string | null;
  /** `MIN_FREE_DISK_MB` in bytes; 0 for no guard. */
  minFreeBytes: number;
  /** The guard has closed: something should be removed. */
  onClosed(): void;
  /** How the space is read; default: `statfs`. */
  readSpace?: (folder: string) => Promise<DiskSpace>;
}

/** Builds a guard. */
export function createDiskGuard(deps: DiskGuardDeps): DiskGuard {
  const { clock, log, folder, minFreeBytes } = deps;
  const readSpace = deps.readSpace ?? readDiskSpace;
  let space: DiskSpace | null = null;
  let isClosed = false;
  let hasTold = false;
  let stopTimer: (() => void) | null = null;

  async function look(): Promise<void> {
    if (folder === null) return;
    try {
      space = await readSpace(folder);
    } catch (error) {
      if (!hasTold) log.warn("the free space of the disk cannot be read", { error: String(error) });
      hasTold = true;
      return;
    }
    const { freeBytes } = space;
    const wasClosed = isClosed;
    isClosed = freeBytes < (wasClosed ? minFreeBytes * OPEN_AGAIN : minFreeBytes);
    if (isClosed === wasClosed) return;
    if (isClosed) {
      log.error("the disk is nearly full: no recordings are taken until there is room again", { freeBytes, minFreeBytes });
      deps.onClosed();
    } else log.info("there is room on the disk again: recordings are taken", { freeBytes, minFreeBytes });
  }

  return {
    state: () => ({
      isClosed,
      freeBytes: space?.freeBytes ?? null,
      totalBytes: space?.totalBytes ?? null,
      minFreeBytes,
    }),
    waitMs: () => (isClosed ? DISK_WAIT_MS : null),
    look,
    async start() {
      if (folder === null || stopTimer) return;
      await look();
      stopTimer = clock.every(LOOK_MS, () => void look());
    },
    stop() {
      stopTimer?.();
      stopTimer = null;
    },
  };
}

async function readDiskSpace(folder: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
