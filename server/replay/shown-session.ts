/** One session for rooms that show it in ways of their own, to guests or as files. Who may see it is their question. */

import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import type { Queryable } from "../db/db.ts";
import type { BatchRow } from "../store/store.ts";
import { type BatchQuery, readRange } from "./batch-stream.ts";
import type { LiveFacts } from "./replay.ts";
import { findSession, listTabs, type StoredSession } from "./session-queries.ts";
import type { SessionKey } from "./session-rows.ts";
import {
  listCheckouts,
  listGaps,
  listMarkers,
  type SessionCheckout,
  type SessionGap,
  type SessionMarker,
} from "./timeline-queries.ts";

/** A session as `GET /v1/sessions/:id` tells it, without its errors. */
export interface SessionDescription {
  session: SessionSummary;
  tabs: TabSummary[];
  markers: SessionMarker[];
  gaps: SessionGap[];
  checkouts: SessionCheckout[];
}

/** Reads sessions of any project. */
export interface ShownSessions {
  /** Null where there is none. */
  find(sessionId: string): Promise<StoredSession | null>;
  describe(found: StoredSession): Promise<SessionDescription>;
  /** Its tabs alone. */
  tabs(key: SessionKey): Promise<TabSummary[]>;
  /** By tab, the newest stored seq that begins at or before page time `at`. */
  uptoAt(key: SessionKey, at: number): Promise<ReadonlyMap<string, number>>;
  /** Stored batches, from the last checkout at or before `from` up to `to`, in pieces; stops when `signal` aborts. */
  readBatches(found: StoredSession, query: BatchQuery, signal: AbortSignal): AsyncGenerator<BatchRow[]>;
}

/** Builds it. */
export function createShownSessions(db: Queryable, live: LiveFacts): ShownSessions {
  return {
    find: (sessionId) => findSession(db, sessionId, null),
    async describe({ session, startedOn }) {
      const key = { sessionId: session.sessionId, startedOn };
      const [tabs, markers, gaps, checkouts] = await Promise.all([
        listTabs(db, key),
        listMarkers(db, key),
        listGaps(db, key),
        listCheckouts(db, key),
      ]);
      const known = live.activeSessions(new Set([session.projectId])).find((one) => one.sessionId === session.sessionId);
      return { session: known ?? session, tabs, markers, gaps, checkouts };
    },
    tabs: (key) => listTabs(db, key),
    async uptoAt(key, at) {
      const rows = await db.query<{ tab: string; upto: number }>(
        `SELECT tab, max(seq) AS upto FROM session_events
         WHERE session_id = $1 AND started_on = $2::date AND first_at <= $3 GROUP BY tab`,
        [key.sessionId, key.startedOn, at],
      );
      return new Map(rows.map(({ tab, upto }) => [tab, upto]));
    },
    readBatches: ({ session, startedOn }, query, signal) =>
      readRange(db, { sessionId: session.sessionId, startedOn, projectId: session.projectId }, query, signal),
  };
}
