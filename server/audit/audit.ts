/** The door of audit: keeps who did what, and who watched whom. Append-only. */

import type { AuditTrail, ViewTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import type { Route } from "../net/route.ts";
import { deleteEntriesBefore, insertEntry } from "./audit-queries.ts";
import { createAuditRoutes } from "./audit-routes.ts";
import { createViews } from "./views.ts";

/** Entries are kept this long. The table itself refuses to let go of anything younger than 365 days. */
export const AUDIT_KEPT_DAYS = 400;
const DAY_MS = 86_400_000;

/** What the other rooms ask of audit. */
export interface Audit extends AuditTrail, ViewTrail {
  /** Removes entries older than {@link AUDIT_KEPT_DAYS}. Returns how many went. */
  removeOld(): Promise<number>;
  routes: readonly Route[];
  /** Does that now and then every `intervalMs` (`AUTO_CLEANUP_INTERVAL_MINUTES`); never where that is 0. */
  start(intervalMs: number): void;
  /** Writes the live views that waited for the database, where it can. */
  stop(): Promise<void>;
}

/** What the room is built from. */
export interface AuditDeps {
  db: Database;
  clock: Clock;
  log: Logger;
}

/** Builds the room. */
export function createAudit({ db, clock, log }: AuditDeps): Audit {
  const views = createViews({ clock, log, write: (entry, at) => insertEntry(db, entry, at) });
  let stopTimer: (() => void) | null = null;

  const removeOld = () => deleteEntriesBefore(db, clock.now() - AUDIT_KEPT_DAYS * DAY_MS);
  const cleanUp = async () => {
    try {
      const removed = await removeOld();
      if (removed > 0) log.info("old entries of the audit log removed", { removed });
    } catch (error) {
      log.warn("old entries of the audit log could not be removed", { error });
    }
  };

  return {
    record: (entry, tx) => insertEntry(tx ?? db, entry, clock.now()),
    viewed: (view) => views.viewed(view),
    removeOld,
    routes: createAuditRoutes(db),
    start(intervalMs) {
      if (intervalMs === 0 || stopTimer) return;
      stopTimer = clock.every(intervalMs, () => void cleanUp());
      void cleanUp();
    },
    stop() {
      stopTimer?.();
      return views.stop();
    },
  };
}
