/** The statements that keep sessions up to date and end them. */

import type { Queryable } from "../db/db.ts";
import { toJsonText } from "./json-text.ts";
import type { SessionEnd, SessionProgress } from "./store.ts";

/** Most sessions in one statement. */
export const MAX_SESSIONS_PER_STATEMENT = 1_000;

/** Writes facts and counts of open sessions, and their tabs. A session that is over, or erased, is left as it is. */
export async function updateSessions(database: Queryable, progress: readonly SessionProgress[]): Promise<void> {
  const sessions = progress.map(({ session: s }) => ({
    session_id: s.sessionId,
    status: s.status,
    user_id: s.userId,
    traits: s.traits,
    url: s.url,
    title: s.title,
    viewport: s.viewport,
    last_at: s.lastAt,
    events: s.eventCount,
    batches: s.batchCount,
    bytes: s.byteCount,
    errors: s.errorCount,
  }));
  const tabs = progress.flatMap(({ session: { sessionId }, tabs: ofSession }) =>
    ofSession.map((t) => ({
      session_id: sessionId,
      tab: t.tab,
      tab_group: t.tabGroup,
      url: t.url,
      title: t.title,
      viewport: t.viewport,
      started_at: t.startedAt,
      last_at: t.lastAt,
      ended_at: t.endedAt,
    })),
  );
  const people = progress.flatMap(({ session: { sessionId }, formerUserIds = [] }) =>
    formerUserIds.map((userId) => ({ session_id: sessionId, user_id: userId })),
  );
  await database.query(UPDATE_SESSIONS, [toJsonText(sessions), toJsonText(tabs), toJsonText(people)]);
}

const UPDATE_SESSIONS = `
  WITH updated AS (
    UPDATE sessions s SET
      status = CASE WHEN i.status = 'ended' THEN s.status ELSE i.status END,
      user_id = i.user_id, traits = i.traits, url = i.url, title = i.title, viewport = nullif(i.viewport, 'null'),
      last_at = to_timestamp(i.last_at / 1000), event_count = i.events, batch_count = i.batches, byte_count = i.bytes,
      error_count = i.errors, received_at = now()
    FROM jsonb_to_recordset($1::jsonb) AS i (
      session_id text, status text, user_id text, traits jsonb, url text, title text, viewport jsonb, last_at double precision,
      events bigint, batches bigint, bytes bigint, errors bigint
    )
    WHERE s.session_id = i.session_id AND s.status <> 'ended'
    RETURNING s.session_id
  ), people AS (
    INSERT INTO session_people (session_id, user_id)
    SELECT session_id, i.user_id FROM jsonb_to_recordset($3::jsonb) AS i (session_id text, user_id text) JOIN updated USING (session_id)
    ON CONFLICT DO NOTHING
  )
  INSERT INTO session_tabs AS t (session_id, tab, tab_group, url, title, viewport, started_at, last_at, ended_at)
  SELECT i.session_id, i.tab, i.tab_group, i.url, i.title, nullif(i.viewport, 'null'), to_timestamp(i.started_at / 1000),
    to_timestamp(i.last_at / 1000), to_timestamp(i.ended_at / 1000)
  FROM jsonb_to_recordset($2::jsonb) AS i (
    session_id text, tab text, tab_group text, url text, title text, viewport jsonb, started_at double precision,
    last_at double precision, ended_at double precision
  ) JOIN updated USING (session_id)
  ON CONFLICT (session_id, tab) DO UPDATE SET
    url = excluded.url, title = excluded.title, viewport = excluded.viewport, last_at = excluded.last_at, ended_at = excluded.ended_at`;

/** Ends sessions, with counts from what is stored. One that is over already keeps its end, and gets its counts anew. */
export async function closeSessions(database: Queryable, ends: readonly SessionEnd[]): Promise<void> {
  const input = ends.map((end) => ({ session_id: end.sessionId, ended_at: end.endedAt, reason: end.reason }));
  await database.query(CLOSE_SESSIONS, [toJsonText(input)]);
}

/** Counts of one session `s`, from its rows; a payload's length is known without reading it. */
const COUNTS = `
  SELECT coalesce(sum(e.event_count), 0) AS events, count(*) AS batches,
    coalesce(sum(coalesce(octet_length(e.payload), e.object_length)), 0) AS bytes,
    (SELECT count(*) FROM session_errors r WHERE r.session_id = s.session_id AND r.started_on = s.started_on) AS errors
  FROM session_events e WHERE e.session_id = s.session_id AND e.started_on = s.started_on`;

const CLOSE_SESSIONS = `
  WITH counted AS MATERIALIZED (
    SELECT s.session_id, i.ended_at, i.reason, c.*
    FROM jsonb_to_recordset($1::jsonb) AS i (session_id text, ended_at double precision, reason text)
    JOIN sessions s USING (session_id) CROSS JOIN LATERAL (${COUNTS}) c
  ), closed AS (
    UPDATE sessions s SET
      status = 'ended', ended_at = coalesce(s.ended_at, to_timestamp(c.ended_at / 1000)), end_reason = coalesce(s.end_reason, c.reason),
      event_count = c.events, batch_count = c.batches, byte_count = c.bytes, error_count = c.errors
    FROM counted c WHERE s.session_id = c.session_id
    RETURNING s.session_id
  )
  UPDATE session_tabs t SET ended_at = greatest(t.started_at, t.last_at)
  FROM closed WHERE t.session_id = closed.session_id AND t.ended_at IS NULL`;

/** Open sessions that the server has not heard of since `idleSince` (epoch ms), the longest silent first. */
export async function findAbandoned(database: Queryable, idleSince: number): Promise<SessionEnd[]> {
  const rows = await database.query<{ session_id: string; ended_at: number }>(FIND_ABANDONED, [
    idleSince,
    MAX_SESSIONS_PER_STATEMENT,
  ]);
  return rows.map((row) => ({ sessionId: row.session_id, endedAt: row.ended_at, reason: "idle" }));
}

const FIND_ABANDONED = `
  SELECT session_id, (extract(epoch FROM greatest(started_at, last_at)) * 1000)::double precision AS ended_at
  FROM sessions WHERE status <> 'ended' AND received_at < to_timestamp($1::double precision / 1000)
  ORDER BY received_at LIMIT $2`;

/** The project that owns a session id, also after the session was erased; null where there never was one. */
export async function findOwner(db: Queryable, sessionId: string): Promise<number | null> {
  const rows = await db.query<{ project_id: number }>(
    `SELECT project_id FROM tombstones WHERE session_id = $1
     UNION ALL SELECT project_id FROM sessions WHERE session_id = $1 LIMIT 1`,
    [sessionId],
  );
  return rows[0]?.project_id ?? null;
}
