/** The door of replay: what happened in sessions, from the database. */

import type { SessionSummary } from "../../protocol/session.ts";
import type { ViewTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { History, SessionEvents } from "../live/live.ts";
import type { Logger } from "../log.ts";
import type { Route } from "../net/route.ts";
import { createEraser } from "./erase.ts";
import { createErrorRoutes } from "./error-routes.ts";
import { createHistory } from "./history.ts";
import { createSessionRoutes } from "./session-routes.ts";

/** What only the live edge knows; implemented by `server/live`. */
export interface LiveFacts {
  /** Sessions with a connected tab, of these projects, newest first. */
  activeSessions(projectIds?: ReadonlySet<number>): SessionSummary[];
}

/** Who must let go of a session before its rows are removed; implemented by `server/ingest`. */
export interface SessionHolder {
  /** Takes nothing more for this session, and tells its trackers and viewers. */
  erase(sessionId: string): void;
}

/** What the other rooms ask of replay. */
export interface Replay {
  /** For the live edge: what its tails do not hold. */
  history: History;
  /** For the live edge: answers to `get_session_events`. */
  events: SessionEvents;
  routes: readonly Route[];
  /** Finishes erasures. Called after the store has drained. */
  stop(): Promise<void>;
}

/** What the room is built from. The functions of `live` and `holder` are called only while answering. */
export interface ReplayDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  live: LiveFacts;
  holder: SessionHolder;
  /** Where it is written down who saw a session. */
  views: ViewTrail;
}

/** Builds the room. Between two answers it holds nothing but the erasures that are to be looked at again. */
export function createReplay({ db, clock, log, live, holder, views }: ReplayDeps): Replay {
  const eraser = createEraser({ db, clock, log });
  return {
    ...createHistory(db),
    routes: [...createSessionRoutes({ db, live, holder, eraser, views }), ...createErrorRoutes(db, views)],
    stop: () => eraser.stop(),
  };
}
