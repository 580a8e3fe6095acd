/** Statements that read what a timeline is drawn from: markers, errors, gaps, and the checkout index. All times are page time. */

import type { Marker, MarkerKind } from "../../protocol/markers.ts";
import type { Queryable } from "../db/db.ts";
import type { SessionKey } from "./session-rows.ts";

const MAX_MARKERS = 10_000;
const MAX_ERRORS = 1_000;
const MAX_GAPS = 1_000;
/** A checkout each 30 s makes 2,880 in a day and tab. */
const MAX_CHECKOUTS = 20_000;

/** A marker, where it was recorded, and for errors the id of the occurrence. */
export type SessionMarker = Pick<Marker, "kind" | "at" | "data"> & {
  name: string;
  text: string;
  tab: string;
  /** Of the batch that brought it; null for an error that a Sentry SDK reported. */
  seq: number | null;
  errorId: string | null;
};

/** Errors of a session ($1) that Sentry SDKs reported, of the page or of a backend that it called. */
const SDK_ERRORS = `
  SELECT o.error_id, o.at, o.type, o.message, o.url, coalesce(o.tab, (
    SELECT t.tab FROM session_tabs t WHERE t.session_id = $1 ORDER BY to_timestamp(o.at / 1000) < t.started_at, t.started_at DESC LIMIT 1
  ), '') AS tab
  FROM occurrences o JOIN sessions s USING (session_id, project_id) WHERE o.session_id = $1 AND o.source = 'sdk'`;

/** The markers of a session in time order, errors of Sentry SDKs among them; errors come first into the bound, clicks and what was logged last. */
export async function listMarkers(db: Queryable, key: SessionKey): Promise<SessionMarker[]> {
  const rows = await db.query<SessionMarker & { kind: MarkerKind }>(
    `SELECT m.tab, m.seq, m.kind, m.at, m.name, m.text, m.data, CASE m.kind WHEN 'error' THEN (
       SELECT e.error_id FROM session_errors e
       WHERE e.session_id = $1 AND e.tab = m.tab AND e.seq = m.seq AND e.ordinal = m.ordinal AND e.started_on = $2::date
     ) END AS "errorId"
     FROM (
       SELECT * FROM session_markers WHERE session_id = $1 AND started_on = $2::date
       ORDER BY (kind <> 'error'), (kind IN ('click', 'console')), at LIMIT ${MAX_MARKERS}
     ) AS m ORDER BY m.at, m.tab, m.seq, m.ordinal`,
    [key.sessionId, key.startedOn],
  );
  const reported = await db.query<SessionMarker & { kind: MarkerKind }>(
    `SELECT tab, NULL AS seq, 'error' AS kind, at, type AS name, message AS text, '{}'::jsonb AS data, error_id AS "errorId"
     FROM (${SDK_ERRORS}) AS o ORDER BY at LIMIT ${MAX_ERRORS}`,
    [key.sessionId],
  );
  return [...rows, ...reported].sort((a, b) => a.at - b.at);
}

/** An occurrence on its session's timeline. */
export interface SessionError {
  id: string;
  tab: string;
  seq: number | null;
  at: number;
  type: string;
  message: string;
  url: string;
}

/** The errors of a session in time order. */
export async function listErrors(db: Queryable, key: SessionKey): Promise<SessionError[]> {
  return db.query<SessionError>(
    `SELECT id, tab, seq, at, type, message, url FROM (
       SELECT error_id AS id, tab, seq, ordinal, at, type, message, url FROM session_errors
       WHERE session_id = $1 AND started_on = $2::date
       UNION ALL SELECT error_id, tab, NULL, NULL, at, type, message, url FROM (${SDK_ERRORS}) AS o
     ) AS errors ORDER BY at, tab, seq, ordinal LIMIT ${MAX_ERRORS}`,
    [key.sessionId, key.startedOn],
  );
}

/** A hole in the stored seqs of a tab: between the end of the batch before and the beginning of the one after. */
export interface SessionGap {
  tab: string;
  fromSeq: number;
  toSeq: number;
  fromAt: number;
  toAt: number;
}

/** The gaps of a session. The holes are found in the primary key alone; only their edges are read. */
export async function listGaps(db: Queryable, key: SessionKey): Promise<SessionGap[]> {
  return db.query<SessionGap>(
    `WITH holes AS (
       SELECT tab, before, seq FROM (
         SELECT tab, seq, lag(seq, 1, -1) OVER (PARTITION BY tab ORDER BY seq) AS before
         FROM session_events WHERE session_id = $1 AND started_on = $2::date
       ) AS seqs WHERE before <> seq - 1 LIMIT ${MAX_GAPS}
     )
     SELECT h.tab, h.before + 1 AS "fromSeq", h.seq - 1 AS "toSeq", a.first_at AS "toAt",
       least(a.first_at, coalesce(b.last_at, (extract(epoch FROM t.started_at) * 1000)::float8, a.first_at)) AS "fromAt"
     FROM holes h
     JOIN session_events a ON a.session_id = $1 AND a.started_on = $2::date AND a.tab = h.tab AND a.seq = h.seq
     LEFT JOIN session_events b ON b.session_id = $1 AND b.started_on = $2::date AND b.tab = h.tab AND b.seq = h.before
     LEFT JOIN session_tabs t ON t.session_id = $1 AND t.tab = h.tab
     ORDER BY a.first_at`,
    [key.sessionId, key.startedOn],
  );
}

/** A point where playback can start. */
export interface SessionCheckout {
  tab: string;
  seq: number;
  at: number;
}

/** The checkout index of a session: with it a viewer loads any moment by one bounded request. */
export async function listCheckouts(db: Queryable, key: SessionKey): Promise<SessionCheckout[]> {
  return db.query<SessionCheckout>(
    `SELECT tab, seq, first_at AS at FROM session_events
     WHERE session_id = $1 AND started_on = $2::date AND checkout ORDER BY first_at, tab, seq LIMIT ${MAX_CHECKOUTS}`,
    [key.sessionId, key.startedOn],
  );
}

/** Newest checkout of a tab at or before page time `at`, or null. */
export async function findCheckout(db: Queryable, key: SessionKey, tab: string, at: number): Promise<number | null> {
  const rows = await db.query<{ seq: number }>(
    `SELECT seq FROM session_events
     WHERE session_id = $1 AND started_on = $2::date AND tab = $3 AND checkout AND first_at <= $4
     ORDER BY first_at DESC, seq DESC LIMIT 1`,
    [key.sessionId, key.startedOn, tab, at],
  );
  return rows[0]?.seq ?? null;
}
