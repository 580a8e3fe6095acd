/** Statements that write one segment of a replay: as a batch of a session that is over, with its markers. */

import type { Marker } from "../../protocol/markers.ts";
import type { Queryable } from "../db/db.ts";
import { REPLAY_TAB } from "../replay-session.ts";
import type { ReplayFacts } from "./replay-facts.ts";

/** One segment, ready to be written. */
export interface Segment {
  projectId: number;
  replayId: string;
  sessionId: string;
  seq: number;
  facts: ReplayFacts;
  /** The `replay_event` item as it is kept. */
  event: Uint8Array;
  receivedAt: Date;
  encoding: number;
  payload: Uint8Array;
  rawBytes: number;
  count: number;
  firstAt: number;
  lastAt: number;
  checkout: boolean;
  viewport: { width: number; height: number } | null;
  markers: readonly Marker[];
}

/**
 * - `stored`: it is there now
 * - `repeated`: it was there before, and nothing has changed
 * - `erased`: its session was erased, and stays so
 * - `foreign`: somebody else has a session of that id
 */
export type Written = "stored" | "repeated" | "erased" | "foreign";

/** Writes a segment, in a transaction of the caller's; `erased` and `foreign` ask for a rollback. */
export async function writeSegment(tx: Queryable, segment: Segment): Promise<Written> {
  const { sessionId, projectId, replayId } = segment;
  const { kind, sdk } = segment.facts;
  const made = await tx.query(
    `INSERT INTO replays (session_id, project_id, replay_id, kind, sdk) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (session_id) DO NOTHING RETURNING 1`,
    [sessionId, projectId, replayId, kind, sdk],
  );
  const [session] = await tx.query<{ started_on: string; is_new: boolean }>(UPSERT_SESSION, sessionValues(segment));
  // What was there before its replay is not one.
  if (!session || (made.length > 0 && !session.is_new)) return "foreign";
  // An erasure that came first has committed by now: it held the row that we have.
  const buried = await tx.query("SELECT 1 FROM tombstones WHERE session_id = $1", [sessionId]);
  if (buried.length > 0) return "erased";
  const key = [sessionId, REPLAY_TAB, segment.seq, session.started_on];
  const inserted = await tx.query(
    `INSERT INTO session_events
       (session_id, tab, seq, started_on, received_at, first_at, last_at, event_count, checkout, encoding, raw_bytes, payload)
     VALUES ($1, $2, $3, $4::date, $5, $6, $7, $8, $9, $10, $11, $12)
     ON CONFLICT DO NOTHING RETURNING 1`,
    [
      ...key,
      segment.receivedAt,
      segment.firstAt,
      segment.lastAt,
      segment.count,
      segment.checkout,
      segment.encoding,
      segment.rawBytes,
      Buffer.from(segment.payload.buffer, segment.payload.byteOffset, segment.payload.byteLength),
    ],
  );
  if (inserted.length === 0) return "repeated";
  await insertMarkers(tx, segment, key);
  await tx.query(COUNT, [
    sessionId,
    segment.count,
    segment.payload.length,
    segment.firstAt,
    segment.lastAt,
    segment.facts.url,
    JSON.stringify(segment.viewport),
    segment.facts.errorIds,
  ]);
  await tx.query(
    `INSERT INTO replay_segments (session_id, seq, event, received_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
    [sessionId, segment.seq, Buffer.from(segment.event), segment.receivedAt],
  );
  if (segment.facts.errorIds.length > 0) {
    await tx.query(
      `UPDATE occurrences SET session_id = $1, tab = $4
       WHERE project_id = $2 AND event_id = ANY($3) AND session_id IS NULL AND source = 'sdk'`,
      [sessionId, projectId, segment.facts.errorIds, REPLAY_TAB],
    );
  }
  return "stored";
}

/** The day of a new session is the server's; nobody can resume one. */
const UPSERT_SESSION = `
  WITH former AS (
    INSERT INTO session_people (session_id, user_id)
    SELECT s.session_id, s.user_id FROM sessions s WHERE s.session_id = $1 AND s.project_id = $2 AND s.user_id <> $3
    ON CONFLICT DO NOTHING
  )
  INSERT INTO sessions AS s (
    session_id, project_id, started_on, resume_hash, status, user_id, traits, url, user_agent, viewport, time_zone, language, release,
    environment, started_at, last_at, ended_at, end_reason
  ) VALUES (
    $1, $2, (now() AT TIME ZONE 'UTC')::date, decode(md5(random()::text) || md5(random()::text), 'hex'), 'ended', $3, $4::jsonb, $5, $6,
    nullif($7::jsonb, 'null'), $8, $9, $10, $11, to_timestamp($12 / 1000.0), to_timestamp($13 / 1000.0), to_timestamp($13 / 1000.0), 'ended'
  )
  ON CONFLICT (session_id) DO UPDATE SET
    user_id = coalesce(excluded.user_id, s.user_id), traits = s.traits || excluded.traits
    WHERE s.project_id = excluded.project_id
  RETURNING s.started_on, (xmax = 0) AS is_new`;

function sessionValues({ sessionId, projectId, facts, viewport, firstAt, lastAt }: Segment): unknown[] {
  return [
    sessionId,
    projectId,
    facts.userId,
    JSON.stringify(facts.traits),
    facts.url,
    facts.userAgent,
    JSON.stringify(viewport),
    facts.timeZone,
    facts.language,
    facts.release,
    facts.environment,
    firstAt,
    lastAt,
  ];
}

/** Counts a segment that was not there before. Segments come in any order: the newest says where the visitor is. */
const COUNT = `
  WITH replay AS (
    UPDATE replays SET error_ids = (SELECT coalesce(array_agg(DISTINCT id), '{}') FROM unnest(error_ids || $8::text[]) AS t (id))
    WHERE session_id = $1 RETURNING cardinality(error_ids) AS errors
  ), tab AS (
    INSERT INTO session_tabs AS t (session_id, tab, url, viewport, started_at, last_at, ended_at)
    VALUES ($1, '${REPLAY_TAB}', $6, nullif($7::jsonb, 'null'), to_timestamp($4::float8 / 1000), to_timestamp($5::float8 / 1000),
      to_timestamp($5::float8 / 1000))
    ON CONFLICT (session_id, tab) DO UPDATE SET
      url = CASE WHEN excluded.last_at >= t.last_at THEN excluded.url ELSE t.url END,
      viewport = coalesce(CASE WHEN excluded.last_at >= t.last_at THEN excluded.viewport END, t.viewport, excluded.viewport),
      started_at = least(t.started_at, excluded.started_at), last_at = greatest(t.last_at, excluded.last_at),
      ended_at = greatest(t.last_at, excluded.last_at)
  )
  UPDATE sessions s SET
    event_count = s.event_count + $2, batch_count = s.batch_count + 1, byte_count = s.byte_count + $3,
    error_count = (SELECT errors FROM replay),
    url = CASE WHEN to_timestamp($5::float8 / 1000) >= s.last_at THEN $6 ELSE s.url END,
    viewport = coalesce(CASE WHEN to_timestamp($5::float8 / 1000) >= s.last_at THEN nullif($7::jsonb, 'null') END, s.viewport),
    started_at = least(s.started_at, to_timestamp($4::float8 / 1000)), last_at = greatest(s.last_at, to_timestamp($5::float8 / 1000)),
    ended_at = greatest(s.last_at, to_timestamp($5::float8 / 1000)), received_at = now()
  WHERE s.session_id = $1`;

async function insertMarkers(
  tx: Queryable,
  { projectId, markers, firstAt, seq }: Segment,
  key: readonly unknown[],
): Promise<void> {
  if (markers.length === 0) return;
  // What a page did before its recording began is shown at the beginning.
  const earliest = seq === 0 ? firstAt : 0;
  const rows = markers.map(({ kind, at, name = "", text = "", data = {} }, ordinal) => ({
    ordinal,
    kind,
    at: Math.max(at, earliest),
    name,
    text,
    data,
  }));
  await tx.query(
    `INSERT INTO session_markers (session_id, tab, seq, started_on, project_id, ordinal, kind, at, name, text, data)
     SELECT $1, $2, $3, $4::date, $5, m.ordinal, m.kind, m.at, m.name, m.text, m.data
     FROM jsonb_to_recordset($6::jsonb) AS m (ordinal smallint, kind text, at float8, name text, text text, data jsonb)
     ON CONFLICT DO NOTHING`,
    [...key, projectId, JSON.stringify(rows)],
  );
}
