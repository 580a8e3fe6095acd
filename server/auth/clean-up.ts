/** What auth keeps no longer than it has to: sign-ins and links that are over, buckets that are full again. */

import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import type { Logger } from "../log.ts";
import { deleteOldTries } from "./attempt-queries.ts";
import { deleteOldLinks } from "./link-queries.ts";
import { deleteExpiredSignIns } from "./sign-in-queries.ts";

const EVERY_MS = 10 * 60_000;
/** Longer than any bucket takes to fill. */
const TRIES_LIFE_MS = 3_600_000;
/** Links that are over are kept so long, for who asks what became of one; then the addresses in them go. */
const OLD_LINK_MS = 30 * 24 * 3_600_000;

/** The cleaning and its life. */
export interface CleanUp {
  /** Cleans once; never throws. */
  run(): Promise<void>;
  start(): void;
  /** Waits for the run that is under way. */
  stop(): Promise<void>;
}

/** Builds it; `start` runs it every ten minutes. */
export function createCleanUp({ db, clock, log }: { db: Queryable; clock: Clock; log: Logger }): CleanUp {
  let stopTimer: (() => void) | null = null;
  let running = Promise.resolve();

  async function clean(): Promise<void> {
    const now = clock.now();
    try {
      await deleteOldTries(db, now - TRIES_LIFE_MS);
      await deleteExpiredSignIns(db, now);
      await deleteOldLinks(db, now - OLD_LINK_MS);
    } catch (error) {
      log.debug("nothing cleaned up", { error: error instanceof Error ? error.message : String(error) });
    }
  }

  const run = () => (running = running.then(clean));
  return {
    run,
    start() {
      stopTimer ??= clock.every(EVERY_MS, () => void run());
    },
    async stop() {
      stopTimer?.();
      stopTimer = null;
      await running;
    },
  };
}
