/** The door of retention: sessions go when they are old, whole days at a time. */

import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import type { Route } from "../net/route.ts";
import { cleanUpBefore } from "./clean-up.ts";

const DAY_MS = 24 * 3_600_000;

/** What one clean-up removed, and what it had to leave for the next one. */
export interface CleanUpReport {
  sessions: number;
  batches: number;
  bytes: number;
  /** Days of which nothing is left. */
  days: string[];
  /** Days that were in use at the moment. */
  postponed: string[];
}

/** What the other rooms ask of retention. */
export interface Retention {
  /** Removes the ended sessions of every day that lies wholly before the retention. Calls of the same moment share one run. */
  cleanUp(): Promise<CleanUpReport>;
  /** Cleans up now and then every `intervalMs`; never where that is 0. */
  start(): void;
  stop(): Promise<void>;
  routes: readonly Route[];
}

/** What the room is built from. */
export interface RetentionDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  /** `RETENTION_DAYS`. */
  retentionDays: number;
  /** `AUTO_CLEANUP_INTERVAL_MINUTES`, in ms. */
  intervalMs: number;
}

/** Builds the room. */
export function createRetention({ db, clock, log, retentionDays, intervalMs }: RetentionDeps): Retention {
  let running: Promise<CleanUpReport> | null = null;
  let stopTimer: (() => void) | null = null;

  async function run(): Promise<CleanUpReport> {
    const cutoff = new Date(clock.now() - retentionDays * DAY_MS).toISOString().slice(0, 10);
    const report = await cleanUpBefore(db, cutoff);
    if (report.days.length > 0 || report.sessions > 0 || report.postponed.length > 0)
      log.info("old sessions removed", { ...report });
    return report;
  }

  function cleanUp(): Promise<CleanUpReport> {
    running ??= run().finally(() => (running = null));
    return running;
  }

  function cleanUpByItself(): void {
    cleanUp().catch((error: unknown) => {
      log.warn("old sessions could not be removed", { error: error instanceof Error ? error.message : String(error) });
    });
  }

  return {
    cleanUp,
    start() {
      if (intervalMs === 0 || stopTimer) return;
      stopTimer = clock.every(intervalMs, cleanUpByItself);
      cleanUpByItself();
    },
    async stop() {
      stopTimer?.();
      stopTimer = null;
      await running?.catch(() => undefined);
    },
    routes: [
      {
        method: "DELETE",
        path: "/sessions/cleanup",
        access: "admin",
        summary: "Removes ended sessions older than the retention now; reports what went",
        handle: async () => ({ json: await cleanUp() }),
      },
    ],
  };
}
