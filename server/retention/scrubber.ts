/** When the files are cleaned: soon after something was removed, one cleaning at a time. */

import type { Clock } from "../clock.ts";
import { scrub, type ScrubDeps, type ScrubReport, trimLog } from "./scrub.ts";

/** What is removed in a row is cleaned in one go; for this long at most something waits. */
const GATHER_MS = 5_000;
/** What could not be cleaned (there was no room for it, or Postgres was away) is tried again after this. */
const RETRY_MS = 15_000;

/** For people: what is being done about the files. */
export interface ScrubStatus {
  state: "idle" | "due" | "running";
  /** Of the last one that was done; null before. */
  last: (ScrubReport & { at: number }) | null;
}

/** The cleaning of one process. */
export interface Scrubber {
  /** Something was removed. */
  soon(): void;
  /** The disk is nearly full: gives back what the write-ahead log keeps. Never throws. */
  trim(): Promise<void>;
  /** Resolves when what was removed until now is cleaned, or could not be. */
  done(): Promise<void>;
  status(): ScrubStatus;
  /** From here on `soon` means something; what was left over by an earlier process is cleaned. */
  start(): void;
  /** Does not begin another one; what is left is done after the next start. */
  stop(): Promise<void>;
}

/** Builds it. */
export function createScrubber(deps: Omit<ScrubDeps, "now"> & { clock: Clock }): Scrubber {
  const { clock, log } = deps;
  let last: ScrubStatus["last"] = null;
  let running: Promise<void> | null = null;
  let cancel: (() => void) | null = null;
  let isDue = false;
  let waitMs = GATHER_MS;
  let isOpen = false;

  async function run(): Promise<void> {
    isDue = false;
    waitMs = GATHER_MS;
    try {
      const report = await scrub({ ...deps, now: () => clock.now() });
      if (report === null) return;
      last = { ...report, at: clock.now() };
      log.info("the files of the database were cleaned of what was removed", { ...report });
    } catch (error) {
      isDue = true;
      waitMs = RETRY_MS;
      log.warn("the files of the database could not be cleaned yet", {
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  function now(): Promise<void> {
    cancel?.();
    cancel = null;
    running ??= run().finally(() => {
      running = null;
      if (isDue) wait();
    });
    return running;
  }

  function wait(): void {
    if (!isOpen || cancel || running) return;
    cancel = clock.after(waitMs, () => void now());
  }

  function soon(): void {
    isDue = true;
    wait();
  }

  return {
    soon,
    async done() {
      if (running) await running;
      await now();
    },
    async trim() {
      await running;
      running = trimLog({ ...deps, now: () => clock.now() })
        .catch((error: unknown) => {
          log.warn("the write-ahead log could not be trimmed", { error: error instanceof Error ? error.message : String(error) });
        })
        .finally(() => (running = null));
      await running;
    },
    status: () => ({ state: running ? "running" : isDue ? "due" : "idle", last }),
    start() {
      isOpen = true;
      soon();
    },
    async stop() {
      isOpen = false;
      cancel?.();
      cancel = null;
      await running;
    },
  };
}
