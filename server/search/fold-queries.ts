/** The statements that fold what is stored of sessions into their facts. */

import { COUNTED_KINDS } from "../../protocol/session.ts";
import type { Queryable } from "../db/db.ts";
import { readAgent } from "./user-agent.ts";

/** A pause of more than this between two batches, over all tabs, is no activity. */
export const IDLE_MS = 10_000;
/** A batch counts as activity for at most this long, whatever its page claims. */
const MAX_BATCH_MS = 60_000;
/** Bounds of what is kept of texts, in characters: of one, and of all of a session. */
const MAX_LINE = 500;
const MAX_TEXT = 8_000;
const MAX_MARKS = 50;
const MAX_MARK = 128;
/** Errors of SDKs that are read of one session, the first ones; what they say is cut at the bounds above. */
const MAX_REPORTED = 2_000;

/** A session that is folded next. */
export interface DueSession {
  session_id: string;
  /** Null where it was read before. */
  user_agent: string | null;
}

/**
 * Claims sessions with news, the newest first, in a transaction of the caller's; nobody else folds them until it ends.
 * @param before sessions that were folded since then (epoch ms, the database's clock) are left for the next time
 */
export function claimDue(tx: Queryable, before: number, limit: number): Promise<DueSession[]> {
  return tx.query<DueSession>(
    `SELECT f.session_id, CASE WHEN f.folded_at IS NULL THEN s.user_agent END AS user_agent
     FROM session_facts f JOIN sessions s USING (session_id)
     WHERE f.is_due AND (f.folded_at IS NULL OR f.folded_at < to_timestamp($1::float8 / 1000))
       AND (s.status = 'ended' OR f.seen_at IS DISTINCT FROM s.received_at)
     ORDER BY f.started_at DESC LIMIT $2 FOR UPDATE OF f SKIP LOCKED`,
    [before, limit],
  );
}

/**
 * Makes the sessions due of which other rooms have told something: an SDK reported an error, or what was known was erased. Who is held by
 * somebody else is left for the next time, so that nobody waits for this.
 * @returns how many tidings were taken
 */
export async function takeNews(db: Queryable, limit: number): Promise<number> {
  const taken = await db.query(
    `WITH news AS MATERIALIZED (
       SELECT news_id, session_id, is_anew FROM session_news ORDER BY news_id LIMIT $1 FOR UPDATE SKIP LOCKED
     ), held AS MATERIALIZED (
       SELECT f.session_id FROM session_facts f WHERE f.session_id IN (SELECT session_id FROM news) FOR UPDATE SKIP LOCKED
     ), told AS (
       UPDATE session_facts f SET is_due = true, seen_at = NULL, folded_at = CASE WHEN n.is_anew THEN NULL ELSE f.folded_at END
       FROM held h, (SELECT session_id, bool_or(is_anew) AS is_anew FROM news GROUP BY session_id) n
       WHERE f.session_id = h.session_id AND n.session_id = h.session_id
     )
     DELETE FROM session_news d USING news n WHERE d.news_id = n.news_id AND (
       n.session_id IN (SELECT session_id FROM held) OR NOT EXISTS (SELECT FROM session_facts f WHERE f.session_id = n.session_id))
     RETURNING 1 AS one`,
    [limit],
  );
  return taken.length;
}

/** The database's clock, epoch milliseconds. */
export async function readClock(db: Queryable): Promise<number> {
  const [row] = await db.query<{ now: number }>("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now");
  return row?.now ?? 0;
}

/**
 * Folds claimed sessions: those that go on from where they were folded last, those that are over from their beginning, which makes them exact
 * whatever came before. Active time of those that go on is an estimate until then. In a transaction of the caller's, with {@link claimDue} before it.
 */
export async function foldSessions(tx: Queryable, due: readonly DueSession[]): Promise<void> {
  const input = due.map(({ session_id, user_agent }) => ({
    session_id,
    agent: user_agent === null ? null : readAgent(user_agent),
  }));
  await tx.query(FOLD, [JSON.stringify(input)]);
}

/** Leaves a session that cannot be folded as it is, until something of it changes. */
export async function passOver(db: Queryable, sessionId: string): Promise<void> {
  await db.query(
    `UPDATE session_facts f SET folded_at = now(), seen_at = s.received_at, is_due = s.status <> 'ended'
     FROM sessions s WHERE s.session_id = f.session_id AND f.session_id = $1`,
    [sessionId],
  );
}

const ofKind = (kind: string) => `count(*) FILTER (WHERE kind = '${kind}') AS ${kind}`;
const count = (kind: string) => `${kind}_count = CASE WHEN d.is_reset THEN 0 ELSE f.${kind}_count END + coalesce(c.${kind}, 0)`;

/** What was there and the new lines that are not in it yet. */
const lines = (field: string) => `CASE
      WHEN d.is_reset OR w.${field} = '' THEN left(coalesce(l.${field}, ''), ${MAX_TEXT})
      WHEN l.${field} IS NULL THEN w.${field}
      ELSE left(concat(w.${field}, E'\\n', l.${field}), ${MAX_TEXT})
    END AS ${field}`;

/** One text of a session from its lines, in the order in which they were first said; what a page logs by the way makes room for its errors. */
const gathered = (field: string) =>
  `string_agg(line, E'\\n' ORDER BY s.rank, s.at, line) FILTER (WHERE field = '${field}' AND (d.is_reset OR position(line IN w.${field}) = 0)) AS ${field}`;

/**
 * By how much a session that goes on has become longer in activity since it was folded last, told from its newest event alone: batches are
 * wide, and to read each of them again cost a fifth of what it cost to write them (measured at 24,000 a second). After a pause it is at most
 * the time since then.
 */
const GROWN = `greatest(0, CASE
      WHEN d.last_ms <= f.active_upto + ${IDLE_MS} THEN d.last_ms - f.active_upto
      ELSE least(d.last_ms - f.active_upto, d.since_ms)
    END)`;

/** `OFFSET 0` keeps the planner from reading the markers of everybody to find those of a hundred sessions (measured: 1.5 s, not 30 ms). */
const FOLD = `
  WITH due AS MATERIALIZED (
    SELECT f.session_id, s.project_id, s.started_on, s.url, s.last_at, s.status = 'ended' AS is_over, s.received_at, s.error_count, i.agent,
      s.status = 'ended' OR f.seen_at IS NULL AS is_told, s.status = 'ended' OR f.folded_at IS NULL AS is_reset, extract(epoch FROM s.last_at) * 1000 AS last_ms,
      extract(epoch FROM clock_timestamp() - f.folded_at) * 1000 AS since_ms,
      greatest(0, round(extract(epoch FROM coalesce(s.ended_at, s.last_at) - s.started_at) * 1000)) AS duration_ms
    FROM jsonb_to_recordset($1::jsonb) AS i (session_id text, agent jsonb)
    JOIN session_facts f ON f.session_id = i.session_id JOIN sessions s ON s.session_id = i.session_id
  ), tabs AS MATERIALIZED (
    SELECT d.session_id, d.started_on, t.tab, CASE WHEN d.is_reset THEN -1 ELSE coalesce(w.upto, -1) END AS upto
    FROM due d JOIN session_tabs t USING (session_id) LEFT JOIN session_folds w USING (session_id, tab)
  ), batches AS MATERIALIZED (
    SELECT t.session_id, t.tab, b.* FROM tabs t JOIN due d USING (session_id) CROSS JOIN LATERAL (
      SELECT e.seq, e.first_at, least(e.last_at, e.first_at + ${MAX_BATCH_MS}) AS last_at FROM session_events e
      WHERE e.session_id = t.session_id AND e.tab = t.tab AND e.started_on = t.started_on OFFSET 0
    ) b WHERE d.is_reset
  ), over AS (
    DELETE FROM session_folds w USING due d WHERE w.session_id = d.session_id AND d.is_over
  ), spans AS (
    SELECT b.session_id, b.first_at, b.last_at,
      max(b.last_at) OVER (PARTITION BY b.session_id ORDER BY b.first_at, b.last_at, b.tab, b.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        AS before
    FROM batches b
  ), active AS (
    SELECT session_id, max(last_at) AS upto,
      sum(greatest(0, last_at - CASE WHEN first_at <= before + ${IDLE_MS} THEN before ELSE first_at END)) AS ms
    FROM spans GROUP BY session_id
  ), markers AS MATERIALIZED (
    SELECT t.session_id, t.tab, m.* FROM tabs t CROSS JOIN LATERAL (
      SELECT m.seq, m.ordinal, m.kind, m.at, m.name, m.text FROM session_markers m
      WHERE m.session_id = t.session_id AND m.tab = t.tab AND m.seq > t.upto AND m.started_on = t.started_on OFFSET 0
    ) m
  ), folds AS (
    INSERT INTO session_folds AS w (session_id, tab, upto)
    SELECT m.session_id, m.tab, max(m.seq) FROM markers m JOIN due d USING (session_id) WHERE NOT d.is_over GROUP BY 1, 2
    ON CONFLICT (session_id, tab) DO UPDATE SET upto = excluded.upto
  ), counts AS (
    SELECT session_id, count(*) FILTER (WHERE kind IN ('page_load', 'navigation')) AS page, ${COUNTED_KINDS.map(ofKind).join(", ")}
    FROM markers GROUP BY session_id
  ), said AS (
    SELECT session_id, field, left(lower(replace(line, E'\\n', ' ')), ${MAX_LINE}) AS line, min(at) AS at, min(rank) AS rank FROM (
      SELECT session_id, at, CASE kind WHEN 'error' THEN 'errors' WHEN 'page_load' THEN 'pages' WHEN 'navigation' THEN 'pages' ELSE 'console' END AS field,
        CASE kind
          WHEN 'error' THEN concat_ws(': ', nullif(name, ''), nullif(text, ''))
          WHEN 'page_load' THEN name
          WHEN 'navigation' THEN name
          ELSE text
        END AS line, (kind = 'console')::int AS rank
      FROM markers WHERE kind IN ('console_error', 'console', 'error', 'page_load', 'navigation')
      UNION ALL
      -- Recordings of others have no markers of pages.
      SELECT session_id, extract(epoch FROM last_at) * 1000, 'pages', url, 0 FROM due
      UNION ALL
      SELECT d.session_id, o.at, 'errors', concat_ws(': ', nullif(o.type, ''), nullif(o.message, '')), 0 FROM due d CROSS JOIN LATERAL (
        SELECT o.at, o.type, o.message FROM occurrences o
        WHERE o.session_id = d.session_id AND o.project_id = d.project_id AND o.source = 'sdk' ORDER BY o.at, o.error_id LIMIT ${MAX_REPORTED}
      ) o WHERE d.is_told
    ) m WHERE line <> '' GROUP BY 1, 2, 3
  ), lines AS (
    SELECT session_id, ${["pages", "console", "errors"].map(gathered).join(",\n      ")}
    FROM said s JOIN due d USING (session_id) JOIN session_words w USING (session_id) GROUP BY session_id
  ), marked AS (
    SELECT session_id, (array_agg(name ORDER BY at, name))[1:${MAX_MARKS}] AS names FROM (
      SELECT m.session_id, left(m.name, ${MAX_MARK}) AS name, min(m.at) AS at FROM markers m
      WHERE m.kind = 'custom' AND m.name <> '' GROUP BY 1, 2
    ) n JOIN due d USING (session_id) JOIN session_words w USING (session_id)
    WHERE d.is_reset OR NOT n.name = ANY(w.marks) GROUP BY session_id
  ), worded AS (
    SELECT d.session_id, ${["pages", "console", "errors"].map(lines).join(",\n      ")},
      CASE WHEN d.is_reset THEN coalesce(n.names, '{}') ELSE (w.marks || n.names)[1:${MAX_MARKS}] END AS marks
    FROM due d JOIN session_words w USING (session_id) LEFT JOIN lines l USING (session_id) LEFT JOIN marked n USING (session_id)
  ), words AS (
    UPDATE session_words w SET pages = n.pages, console = n.console, errors = n.errors, marks = n.marks
    FROM worded n WHERE w.session_id = n.session_id
      AND (w.pages, w.console, w.errors, w.marks) IS DISTINCT FROM (n.pages, n.console, n.errors, n.marks)
  )
  UPDATE session_facts f SET
    browser = coalesce(d.agent->>'browser', f.browser), browser_version = coalesce(d.agent->>'version', f.browser_version),
    os = coalesce(d.agent->>'os', f.os), device = coalesce(d.agent->>'device', f.device),
    error_count = least(d.error_count, 2147483647), duration_ms = d.duration_ms,
    active_ms = least(d.duration_ms + ${IDLE_MS}, round(CASE WHEN d.is_reset THEN coalesce(a.ms, 0) ELSE f.active_ms + ${GROWN} END)),
    active_upto = CASE WHEN d.is_reset THEN coalesce(a.upto, d.last_ms) ELSE greatest(f.active_upto, d.last_ms) END,
    ${["page", ...COUNTED_KINDS].map(count).join(",\n    ")},
    seen_at = d.received_at, folded_at = clock_timestamp(), is_due = NOT d.is_over
  FROM due d
  LEFT JOIN counts c USING (session_id) LEFT JOIN active a USING (session_id)
  WHERE f.session_id = d.session_id`;
