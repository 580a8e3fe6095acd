/** Statements that read sessions: the list, one session, its tabs. */

import { isSessionId } from "../../protocol/ids.ts";
import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import type { Queryable } from "../db/db.ts";
import { SESSION_COLUMNS, type SessionKey, type SessionRow, type TabRow, toSession, toTab } from "./session-rows.ts";

const MAX_TABS = 5_000;

/** A stored session, and where its batches lie. */
export interface StoredSession {
  session: SessionSummary;
  startedOn: string;
}

/** These sessions, in this order; those that are gone meanwhile are left out. */
export async function readSessions(db: Queryable, sessionIds: readonly string[]): Promise<SessionSummary[]> {
  if (sessionIds.length === 0) return [];
  const rows = await db.query<SessionRow>(
    `SELECT ${SESSION_COLUMNS} FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place) JOIN sessions s ON s.session_id = wanted.id
     ORDER BY wanted.place`,
    [sessionIds],
  );
  return rows.map(toSession);
}

/** One session of these projects (of all where `projectIds` is null), or null. */
export async function findSession(
  db: Queryable,
  sessionId: string,
  projectIds: readonly number[] | null,
): Promise<StoredSession | null> {
  if (!isSessionId(sessionId)) return null;
  const rows = await db.query<SessionRow>(
    `SELECT ${SESSION_COLUMNS} FROM sessions s
     WHERE s.session_id = $1 AND ($2::integer[] IS NULL OR s.project_id = ANY($2))`,
    [sessionId, projectIds],
  );
  const [row] = rows;
  return row ? { session: toSession(row), startedOn: row.started_on } : null;
}

/** The tabs of a session, in the order in which they opened. While a visit goes on the row of a tab lags behind its newest batch. */
export async function listTabs(db: Queryable, key: SessionKey): Promise<TabSummary[]> {
  const rows = await db.query<TabRow>(
    `SELECT t.tab, t.tab_group, t.url, t.title, t.viewport,
       (extract(epoch FROM t.started_at) * 1000)::float8 AS started_at,
       greatest((extract(epoch FROM t.last_at) * 1000)::float8, e.last_at) AS last_at,
       (extract(epoch FROM t.ended_at) * 1000)::float8 AS ended_at, coalesce(e.seq, -1) AS upto
     FROM session_tabs t LEFT JOIN LATERAL (
       SELECT seq, last_at FROM session_events
       WHERE session_id = $1 AND started_on = $2::date AND tab = t.tab ORDER BY seq DESC LIMIT 1) AS e ON true
     WHERE t.session_id = $1 ORDER BY t.started_at, t.tab LIMIT ${MAX_TABS}`,
    [key.sessionId, key.startedOn],
  );
  return rows.map(toTab);
}
