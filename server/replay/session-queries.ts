/** Statements that read sessions: the list, one session, its tabs. */

import { isSessionId } from "../../protocol/ids.ts";
import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import type { Queryable } from "../db/db.ts";
import { containing, type Cursor, type SessionFilter } from "./session-filter.ts";
import { SESSION_COLUMNS, type SessionKey, type SessionRow, type TabRow, toSession, toTab } from "./session-rows.ts";

const MAX_TABS = 5_000;

/** A stored session, and where its batches lie. */
export interface StoredSession {
  session: SessionSummary;
  startedOn: string;
}

/**
 * One page of the list, newest first. Each project is read along its own index and the newest of all are taken, so that a page costs
 * the same whatever is stored.
 */
export async function listSessions(
  db: Queryable,
  projectIds: readonly number[],
  filter: SessionFilter,
): Promise<{ sessions: SessionSummary[]; next: Cursor | null }> {
  const rows = await db.query<SessionRow & { started_micros: number }>(
    `SELECT found.* FROM unnest($1::integer[]) AS wanted (id)
     CROSS JOIN LATERAL (
       SELECT ${SESSION_COLUMNS}, (extract(epoch FROM s.started_at) * 1000000)::bigint AS started_micros
       FROM sessions s
       WHERE s.project_id = wanted.id
         AND ($2::text IS NULL OR s.url ILIKE $2 OR s.title ILIKE $2 OR s.user_id ILIKE $2 OR s.session_id ILIKE $2)
         AND ($3::text IS NULL OR s.user_id = $3)
         AND ($4::text IS NULL OR s.url ILIKE $4)
         AND ($5::text IS NULL OR s.status = $5)
         AND ($6::boolean IS NULL OR (s.error_count > 0) = $6)
         AND ($7::float8 IS NULL OR s.started_at >= to_timestamp($7 / 1000.0))
         AND ($8::float8 IS NULL OR s.started_at < to_timestamp($8 / 1000.0))
         AND ($12::boolean IS NULL OR (s.pinned_at IS NOT NULL) = $12)
         AND ($9::bigint IS NULL
              OR (s.started_at, s.session_id) < (timestamptz 'epoch' + $9::bigint * interval '1 microsecond', $10::text COLLATE "C"))
       ORDER BY s.started_at DESC, s.session_id DESC LIMIT $11
     ) AS found
     ORDER BY started_micros DESC, session_id DESC LIMIT $11`,
    [
      projectIds,
      filter.q === null ? null : containing(filter.q),
      filter.userId,
      filter.url === null ? null : containing(filter.url),
      filter.status,
      filter.hasErrors,
      filter.from,
      filter.to,
      filter.after?.startedAtMicros ?? null,
      filter.after?.sessionId ?? null,
      filter.limit + 1,
      filter.pinned,
    ],
  );
  const page = rows.slice(0, filter.limit);
  const last = rows.length > filter.limit ? page.at(-1) : undefined;
  return {
    sessions: page.map(toSession),
    next: last ? { startedAtMicros: last.started_micros, sessionId: last.session_id } : null,
  };
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

/** The tabs of a session, in the order in which they opened. */
export async function listTabs(db: Queryable, key: SessionKey): Promise<TabSummary[]> {
  const rows = await db.query<TabRow>(
    `SELECT t.tab, t.tab_group, t.url, t.title, t.viewport,
       (extract(epoch FROM t.started_at) * 1000)::float8 AS started_at, (extract(epoch FROM t.last_at) * 1000)::float8 AS last_at,
       (extract(epoch FROM t.ended_at) * 1000)::float8 AS ended_at,
       coalesce((SELECT max(e.seq) FROM session_events e
                 WHERE e.session_id = t.session_id AND e.tab = t.tab AND e.started_on = $2::date), -1) AS upto
     FROM session_tabs t WHERE t.session_id = $1 ORDER BY t.started_at, t.tab LIMIT ${MAX_TABS}`,
    [key.sessionId, key.startedOn],
  );
  return rows.map(toTab);
}
