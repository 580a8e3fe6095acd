/**
 * The news that rights changed. A number in the database rises with every change, and every process looks at it each second: one tiny
 * statement, instead of one for each open socket. Works over any number of processes, without NOTIFY.
 */

import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import type { Logger } from "../log.ts";

const LOOK_MS = 1_000;

/** Tells of changes, and hears of them. */
export interface Rights {
  /** Something changed, and is committed: tells this process at once, and the others by the number. Never throws. */
  changed(): Promise<void>;
  onChange(listener: () => void): () => void;
  start(): void;
  stop(): void;
}

/** Builds it; `start` begins to look. */
export function createRights({ db, clock, log }: { db: Queryable; clock: Clock; log: Logger }): Rights {
  const listeners = new Set<() => void>();
  let seen: string | null = null;
  let isLooking = false;
  let stopTimer: (() => void) | null = null;

  function tell(): void {
    for (const listener of listeners) {
      try {
        listener();
      } catch (error) {
        // The others must hear of it all the same: each of them guards a door.
        log.error("a listener for changed rights failed", { error });
      }
    }
  }

  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    try {
      const [row] = await db.query<{ value: string }>("SELECT value FROM settings WHERE name = 'rights_version'");
      const now = row?.value ?? "0";
      const isNews = seen !== null && seen !== now;
      seen = now;
      if (isNews) tell();
    } catch (error) {
      // The database is away: nobody can change rights in it either.
      log.debug("rights not looked at", { error: error instanceof Error ? error.message : String(error) });
    } finally {
      isLooking = false;
    }
  }

  return {
    async changed() {
      tell();
      try {
        await db.query(
          `INSERT INTO settings (name, value) VALUES ('rights_version', '1')
           ON CONFLICT (name) DO UPDATE SET value = (settings.value::bigint + 1)::text`,
        );
      } catch (error) {
        log.warn("other processes were not told that rights changed", {
          error: error instanceof Error ? error.message : String(error),
        });
      }
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start() {
      stopTimer ??= clock.every(LOOK_MS, () => void look());
      void look();
    },
    stop() {
      stopTimer?.();
      stopTimer = null;
    },
  };
}
