/** The door of search: sessions by what is known of them, in any combination. */

import type { AuditActor } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import type { Route } from "../net/route.ts";
import { createFolder } from "./fold.ts";
import { createSavedRoutes } from "./saved-routes.ts";
import { createSearchRoutes } from "./search-routes.ts";

export { writeCursor } from "./cursor.ts";
export { findIds, findPage, type FoundPage } from "./find-sessions.ts";
export {
  FILTER_QUERY,
  parseSessionFilter,
  parseSessionListing,
  SESSION_QUERY,
  type SessionFilter,
  type SessionListing,
} from "./session-filter.ts";

/** Who erases; implemented by `server/retention`. */
export interface SessionEraser {
  /** Erases sessions of a project for good, and writes down who did. */
  eraseSessions(
    projectId: number,
    sessionIds: readonly string[],
    by: { actor: AuditActor; peer: string },
  ): Promise<{ sessions: number; batches: number; bytes: number }>;
}

/** What the other rooms ask of search. */
export interface Search {
  routes: readonly Route[];
  /** Folds now what has news; resolves with how many sessions that were. For tests and tools. */
  foldDue(): Promise<number>;
  /** Begins to fold. */
  start(): void;
  /** Waits for what is under way. */
  stop(): Promise<void>;
}

/** What the room is built from. */
export interface SearchDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  eraser: SessionEraser;
}

/** Builds the room. */
export function createSearch({ db, clock, log, eraser }: SearchDeps): Search {
  const folder = createFolder({ db, clock, log });
  return {
    routes: [...createSearchRoutes({ db, eraser }), ...createSavedRoutes(db)],
    foldDue: () => folder.foldDue(),
    start: () => folder.start(),
    stop: () => folder.stop(),
  };
}
