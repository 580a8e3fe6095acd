/** Statements that write what is imported: a session that is over, in the partition of the day on which it is imported. */

import type { Marker } from "../../protocol/markers.ts";
import type { SessionFileHead } from "../../protocol/session-file.ts";
import type { Viewport } from "../../protocol/session.ts";
import type { Queryable } from "../db/db.ts";
import type { ImportedBatch } from "./import-batch.ts";

/** `session_events.encoding` of a JSON array, and of one behind deflate-raw. */
const ENCODING = { json: 0, "deflate-raw": 1 } as const;

/** Where rows go. */
export interface ImportPlace {
  projectId: number;
  sessionId: string;
  /** `YYYY-MM-DD`. */
  startedOn: string;
}

/** What was counted of a page context. */
export interface ImportedTab {
  tab: string;
  tabGroup: string;
  url: string;
  title: string;
  viewport: Viewport | null;
  firstAt: number;
  lastAt: number;
}

/** What was counted of all of it. */
export interface ImportCount {
  events: number;
  batches: number;
  bytes: number;
  errors: number;
}

/** Keeps the project from being removed until the transaction ends; the server's day, or null where there is no such project. */
export async function holdProject(tx: Queryable, projectId: number): Promise<string | null> {
  const [row] = await tx.query<{ day: string }>(
    `SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day FROM projects WHERE id = $1 AND removed_at IS NULL FOR SHARE`,
    [projectId],
  );
  return row?.day ?? null;
}

/** Writes a batch with its markers. Errors stay markers: they happened elsewhere, and are no news for any issue. */
export async function insertImportedBatch(tx: Queryable, place: ImportPlace, batch: ImportedBatch): Promise<void> {
  const key = [place.sessionId, batch.tab, batch.seq, place.startedOn];
  await tx.query(
    `INSERT INTO session_events
       (session_id, tab, seq, started_on, received_at, first_at, last_at, event_count, checkout, encoding, raw_bytes, payload)
     VALUES ($1, $2, $3, $4::date, now(), $5, $6, $7, $8, $9, $10, $11)`,
    [
      ...key,
      batch.firstAt,
      batch.lastAt,
      batch.count,
      batch.checkout,
      ENCODING[batch.encoding],
      batch.rawBytes,
      Buffer.from(batch.payload.buffer, batch.payload.byteOffset, batch.payload.byteLength),
    ],
  );
  if (batch.markers.length === 0) return;
  await tx.query(
    `INSERT INTO session_markers (session_id, tab, seq, started_on, project_id, ordinal, kind, at, name, text, data)
     SELECT $1, $2, $3, $4::date, $5, m.ordinal, m.kind, m.at, m.name, m.text, m.data
     FROM jsonb_to_recordset($6::jsonb) AS m (ordinal smallint, kind text, at float8, name text, text text, data jsonb)`,
    [...key, place.projectId, JSON.stringify(batch.markers.map(toRow))],
  );
}

function toRow({ kind, at, name = "", text = "", data = {} }: Marker, ordinal: number): object {
  return { ordinal, kind, at, name, text, data };
}

/** Writes the session and its tabs, once all batches are there. */
export async function insertImportedSession(
  tx: Queryable,
  place: ImportPlace,
  { session }: SessionFileHead,
  tabs: readonly ImportedTab[],
  count: ImportCount,
): Promise<void> {
  const startedAt = tabs.reduce((first, tab) => Math.min(first, tab.firstAt), Infinity);
  const lastAt = tabs.reduce((last, tab) => Math.max(last, tab.lastAt), 0);
  await tx.query(
    `INSERT INTO session_tabs (session_id, tab, tab_group, url, title, viewport, started_at, last_at, ended_at)
     SELECT $1, t.tab, t."tabGroup", t.url, t.title, t.viewport, to_timestamp(t."firstAt" / 1000), to_timestamp(t."lastAt" / 1000),
       to_timestamp(t."lastAt" / 1000)
     FROM jsonb_to_recordset($2::jsonb) AS t
       (tab text, "tabGroup" text, url text, title text, viewport jsonb, "firstAt" float8, "lastAt" float8)`,
    [place.sessionId, JSON.stringify(tabs)],
  );
  await tx.query(
    `INSERT INTO sessions (
       session_id, project_id, started_on, resume_hash, status, user_id, traits, url, title, user_agent, viewport, referrer, time_zone,
       language, release, environment, started_at, last_at, ended_at, end_reason, event_count, batch_count, byte_count, error_count,
       imported_at
     ) VALUES (
       $1, $2, $3::date, decode(md5(random()::text) || md5(random()::text), 'hex'), 'ended', $4, $5::jsonb, $6, $7, $8,
       nullif($9::jsonb, 'null'), $10, $11, $12, $13, $14, to_timestamp($15::float8 / 1000), to_timestamp($16::float8 / 1000),
       to_timestamp($16::float8 / 1000), 'ended', $17, $18, $19, $20, now()
     )`,
    [
      place.sessionId,
      place.projectId,
      place.startedOn,
      session.userId ?? null,
      JSON.stringify(session.traits ?? {}),
      session.url,
      session.title,
      session.userAgent,
      JSON.stringify(session.viewport),
      session.referrer ?? "",
      session.timeZone ?? "",
      session.language ?? "",
      session.release ?? "",
      session.environment ?? "",
      startedAt,
      lastAt,
      count.events,
      count.batches,
      count.bytes,
      count.errors,
    ],
  );
}
