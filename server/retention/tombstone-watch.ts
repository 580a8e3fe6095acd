/** Hears of sessions that other processes erase: one small statement a second. */

import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import type { Logger } from "../log.ts";

const LOOK_MS = 1_000;
/** A transaction may commit this long after the time that its tombstones bear. */
const OVERLAP_SECONDS = 120;
const MAX_IDS = 1_000;

/** What a watch is built from. */
export interface TombstoneWatchDeps {
  db: Queryable;
  clock: Clock;
  log: Logger;
  onErasedElsewhere(ids: readonly string[]): Promise<void>;
}

/** The watch of one process. */
export interface TombstoneWatch {
  /** These are erased by this process itself. */
  isOurs(ids: readonly string[]): void;
  start(): void;
  stop(): Promise<void>;
}

/** Builds a watch; `start` begins to look. */
export function createTombstoneWatch(deps: TombstoneWatchDeps): TombstoneWatch {
  const { db, clock, log } = deps;
  /** Ids that were dealt with, with the moment after which they need not be remembered. */
  const known = new Map<string, number>();
  let looking: Promise<void> | null = null;
  let stopTimer: (() => void) | null = null;

  function remember(ids: readonly string[]): void {
    const until = clock.now() + 2 * OVERLAP_SECONDS * 1_000;
    for (const id of ids) {
      known.delete(id);
      known.set(id, until);
    }
  }

  async function look(): Promise<void> {
    const rows = await db.query<{ id: string }>(
      "SELECT session_id AS id FROM tombstones WHERE erased_at > now() - make_interval(secs => $1) ORDER BY erased_at",
      [OVERLAP_SECONDS],
    );
    const fresh = rows.map(({ id }) => id).filter((id) => !known.has(id));
    const now = clock.now();
    for (const [id, until] of known) {
      if (until > now) break;
      known.delete(id);
    }
    for (let at = 0; at < fresh.length; at += MAX_IDS) {
      const ids = fresh.slice(at, at + MAX_IDS);
      await deps.onErasedElsewhere(ids);
      remember(ids);
    }
  }

  return {
    isOurs: remember,
    start() {
      stopTimer ??= clock.every(LOOK_MS, () => {
        looking ??= look()
          .catch((error: unknown) => {
            log.debug("tombstones not looked at", { error: error instanceof Error ? error.message : String(error) });
          })
          .finally(() => (looking = null));
      });
    },
    async stop() {
      stopTimer?.();
      stopTimer = null;
      await looking;
    },
  };
}
