/** The door of replay: what happened in sessions, from the database. */

import type { SessionSummary } from "../../protocol/session.ts";
import type { ViewTrail } from "../audit-trail.ts";
import type { Database } from "../db/db.ts";
import type { History, SessionEvents } from "../live/live.ts";
import type { Route } from "../net/route.ts";
import { createErrorRoutes } from "./error-routes.ts";
import { createHistory } from "./history.ts";
import { createOpenedSessions, type OpenedSessions } from "./opened-session.ts";
import { createSessionRoutes } from "./session-routes.ts";
import { createShownSessions, type ShownSessions } from "./shown-session.ts";

export type { OpenedBatch, OpenedSessions, SessionRange, StoredSize } from "./opened-session.ts";
export { BATCHES_TYPE } from "./batch-stream.ts";
export type { StoredSession } from "./session-queries.ts";
export type { SessionDescription, ShownSessions } from "./shown-session.ts";

/** What only the live edge knows; implemented by `server/live`. */
export interface LiveFacts {
  /** Sessions with a connected tab, of these projects, newest first. */
  activeSessions(projectIds?: ReadonlySet<number>): SessionSummary[];
}

/** What the other rooms ask of replay. */
export interface Replay {
  /** For the live edge: what its tails do not hold. */
  history: History;
  /** For the live edge: answers to `get_session_events`. */
  events: SessionEvents;
  /** For rooms that make files of sessions. */
  opened: OpenedSessions;
  /** For rooms that show sessions to guests. */
  shown: ShownSessions;
  routes: readonly Route[];
}

/** What the room is built from. The functions of `live` are called only while answering. */
export interface ReplayDeps {
  db: Database;
  live: LiveFacts;
  /** Where it is written down who saw a session. */
  views: ViewTrail;
}

/** Builds the room. It holds nothing between two answers. */
export function createReplay({ db, live, views }: ReplayDeps): Replay {
  return {
    ...createHistory(db),
    opened: createOpenedSessions(db),
    shown: createShownSessions(db, live),
    routes: [...createSessionRoutes({ db, live, views }), ...createErrorRoutes(db, views)],
  };
}
