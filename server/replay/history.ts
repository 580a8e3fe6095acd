/** What the live edge reads from the database. */

import type { Queryable } from "../db/db.ts";
import type { History, SessionEvents } from "../live/live.ts";
import { readPieces } from "./batch-reader.ts";
import { DEFAULT_EVENT_LIMIT, readEventPage } from "./event-pages.ts";
import { findSession, listTabs } from "./session-queries.ts";
import { findCheckout } from "./timeline-queries.ts";

/** Builds both over one database. */
export function createHistory(db: Queryable): { history: History; events: SessionEvents } {
  return {
    history: {
      async *readBatches(session, tab, fromSeq, toSeq) {
        const found = await findSession(db, session.sessionId, null);
        if (!found) return;
        const whole = { ...session, projectId: found.session.projectId };
        for await (const piece of readPieces(db, whole, { tab, fromSeq, toSeq })) yield* piece;
      },
      findCheckout: (session, tab, at = Infinity) => findCheckout(db, session, tab, at),
      async findSession(sessionId) {
        const found = await findSession(db, sessionId, null);
        return found && { ...found, tabs: await listTabs(db, { sessionId, startedOn: found.startedOn }) };
      },
    },
    events: {
      readEvents: (session, fromIndex, limit) => readEventPage(db, session, fromIndex, limit ?? DEFAULT_EVENT_LIMIT),
    },
  };
}
