/** The statement that claims session ids and opens tabs. */

import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import type { Queryable } from "../db/db.ts";
import { toJsonText } from "./json-text.ts";
import type { SessionOpened, SessionOpening } from "./store.ts";

type StoredSession = Omit<SessionSummary, "sessionId" | "projectId" | "live" | "durationMs" | "tabCount" | "watchers">;

interface OpenedRow {
  n: number;
  kind: "created" | "resumed" | "foreign" | "closed" | "erased";
  upto: number;
  started_on: string;
  session: StoredSession;
  tabs: TabSummary[];
}

/**
 * One statement for all: makes the sessions whose ids are free, opens the tabs of those that the callers own, and tells what is stored.
 * An answer is null where another process made the session at this very moment: ask again.
 * @param startedOn the day that new sessions belong to
 */
export async function openSessions(
  database: Queryable,
  openings: readonly SessionOpening[],
  startedOn: string,
): Promise<(SessionOpened | null)[]> {
  const input = openings.map((opening, n) => ({
    n,
    session_id: opening.sessionId,
    project_id: opening.projectId,
    resume_hash: Buffer.from(opening.resumeHash).toString("hex"),
    facts: opening.facts,
    tab: opening.tab.tab,
    opening: opening.tab,
  }));
  const rows = await database.query<OpenedRow>(OPEN, [toJsonText(input), startedOn]);
  const answers = new Array<SessionOpened | null>(openings.length).fill(null);
  for (const row of rows) {
    const opening = openings[row.n];
    if (opening !== undefined) answers[row.n] = toOpened(row, opening);
  }
  return answers;
}

function toOpened(row: OpenedRow, opening: SessionOpening): SessionOpened | null {
  switch (row.kind) {
    case "foreign":
    case "closed":
    case "erased":
      return { kind: row.kind };
    case "created":
    case "resumed": {
      const { sessionId, projectId } = opening;
      const { session, tabs } = row;
      // Field by field: of a spread of what was parsed, each object gets a hidden class of its own (measured: 0.8 KB a session).
      const summary: SessionSummary = {
        sessionId,
        projectId,
        status: session.status,
        live: session.status === "live",
        userId: session.userId,
        traits: session.traits,
        url: session.url,
        title: session.title,
        userAgent: session.userAgent,
        viewport: session.viewport,
        referrer: session.referrer,
        timeZone: session.timeZone,
        language: session.language,
        release: session.release,
        environment: session.environment,
        startedAt: session.startedAt,
        lastAt: session.lastAt,
        endedAt: session.endedAt,
        durationMs: Math.max(0, Math.round((session.endedAt ?? session.lastAt) - session.startedAt)),
        eventCount: session.eventCount,
        batchCount: session.batchCount,
        byteCount: session.byteCount,
        errorCount: session.errorCount,
        tabCount: tabs.length,
        watchers: 0,
      };
      const shared = { session: summary, tabs, startedOn: row.started_on };
      return row.kind === "created" ? { kind: "created", ...shared, upto: -1 } : { kind: "resumed", ...shared, upto: row.upto };
    }
  }
}

const MS = (column: string) => `round((extract(epoch FROM ${column}) * 1000)::numeric, 3)::double precision`;

/**
 * `known` holds what is there after the statement: the rows it made (which the statement's own snapshot does not show) and those that
 * were there before. A session that is in neither was made by somebody else meanwhile. An id with a tombstone is not made again.
 */
const OPEN = `
  WITH input AS MATERIALIZED (
    SELECT n, session_id, project_id, decode(resume_hash, 'hex') AS resume_hash, facts, tab, opening
    FROM jsonb_to_recordset($1::jsonb)
      AS i (n integer, session_id text, project_id integer, resume_hash text, facts jsonb, tab text, opening jsonb)
  ), buried AS MATERIALIZED (
    SELECT session_id, project_id FROM tombstones WHERE session_id IN (SELECT session_id FROM input)
  ), made AS (
    INSERT INTO sessions (
      session_id, project_id, started_on, resume_hash, status, user_id, traits, url, title, user_agent, viewport, referrer,
      time_zone, language, release, environment, started_at, last_at, country, region
    )
    SELECT DISTINCT ON (session_id)
      session_id, project_id, $2::date, resume_hash, 'live', facts->>'userId', coalesce(facts->'traits', '{}'), facts->>'url',
      facts->>'title', facts->>'userAgent', nullif(facts->'viewport', 'null'), facts->>'referrer', facts->>'timeZone',
      facts->>'language', facts->>'release', facts->>'environment',
      to_timestamp((facts->>'startedAt')::double precision / 1000), to_timestamp((facts->>'startedAt')::double precision / 1000),
      coalesce(facts->>'country', ''), coalesce(facts->>'region', '')
    FROM input WHERE NOT EXISTS (SELECT FROM buried b WHERE b.session_id = input.session_id) ORDER BY session_id, n
    ON CONFLICT (session_id) DO NOTHING
    RETURNING *
  ), known AS (
    SELECT made.*, true AS is_new FROM made
    UNION ALL
    SELECT sessions.*, false FROM sessions WHERE session_id IN (SELECT session_id FROM input)
  ), claimed AS (
    SELECT i.n, i.session_id, i.tab, i.opening, k.started_on, k.is_new,
      CASE
        WHEN b.project_id = i.project_id THEN 'erased'
        WHEN b.session_id IS NOT NULL THEN 'foreign'
        WHEN k.session_id IS NULL THEN 'raced'
        WHEN k.project_id <> i.project_id OR k.resume_hash <> i.resume_hash THEN 'foreign'
        WHEN k.status = 'ended' THEN 'closed'
        WHEN k.is_new AND i.n = min(i.n) OVER (PARTITION BY i.session_id) THEN 'created'
        ELSE 'resumed'
      END AS kind,
      jsonb_build_object(
        'status', k.status, 'userId', k.user_id, 'traits', k.traits, 'url', k.url, 'title', k.title, 'userAgent', k.user_agent,
        'viewport', k.viewport, 'referrer', k.referrer, 'timeZone', k.time_zone, 'language', k.language, 'release', k.release,
        'environment', k.environment, 'startedAt', ${MS("k.started_at")}, 'lastAt', ${MS("k.last_at")},
        'endedAt', ${MS("k.ended_at")}, 'eventCount', k.event_count, 'batchCount', k.batch_count, 'byteCount', k.byte_count,
        'errorCount', k.error_count
      ) AS session
    FROM input i LEFT JOIN known k USING (session_id) LEFT JOIN buried b USING (session_id)
  ), new_tabs AS (
    INSERT INTO session_tabs (session_id, tab, tab_group, url, title, viewport, started_at, last_at)
    SELECT DISTINCT ON (session_id, tab)
      session_id, tab, opening->>'tabGroup', opening->>'url', opening->>'title', nullif(opening->'viewport', 'null'),
      to_timestamp((opening->>'startedAt')::double precision / 1000), to_timestamp((opening->>'startedAt')::double precision / 1000)
    FROM claimed WHERE kind IN ('created', 'resumed') ORDER BY session_id, tab, n
    ON CONFLICT (session_id, tab) DO NOTHING
    RETURNING *
  )
  SELECT c.n, c.kind, c.started_on, c.session, t.tabs, coalesce(t.upto, -1) AS upto
  FROM claimed c CROSS JOIN LATERAL (
    SELECT
      jsonb_agg(
        jsonb_build_object(
          'tab', tab, 'tabGroup', tab_group, 'url', url, 'title', title, 'viewport', viewport, 'startedAt', ${MS("started_at")},
          'lastAt', ${MS("last_at")}, 'endedAt', ${MS("ended_at")}, 'upto', newest
        ) ORDER BY started_at, tab
      ) AS tabs,
      max(newest) FILTER (WHERE tab = c.tab) AS upto
    FROM (
      SELECT s.*, CASE WHEN c.is_new THEN -1 ELSE coalesce((
        SELECT max(e.seq) FROM session_events e
        WHERE e.session_id = s.session_id AND e.tab = s.tab AND e.started_on = c.started_on
      ), -1) END AS newest
      FROM (
        SELECT * FROM new_tabs WHERE session_id = c.session_id
        UNION ALL
        SELECT * FROM session_tabs WHERE session_id = c.session_id
      ) s
    ) of_session
  ) t
  WHERE c.kind <> 'raced'`;
