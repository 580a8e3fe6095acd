/** Puts sessions into a test's database the way the store leaves them, with real deflated rrweb events. */

import { createHash } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import type { Marker } from "../../protocol/markers.ts";
import type { SessionStatus } from "../../protocol/session.ts";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";
import type { Queryable } from "../../server/db/db.ts";

/** A session to insert; what is left out is made up. */
export interface StoredSessionFacts {
  sessionId: string;
  projectId: number;
  startedOn: string;
  startedAt: number;
  lastAt?: number;
  status?: SessionStatus;
  userId?: string;
  url?: string;
  title?: string;
}

/** A batch to insert: its events are packed here. */
export interface StoredBatchFacts {
  sessionId: string;
  startedOn: string;
  projectId: number;
  tab: string;
  seq: number;
  events: readonly RrwebEvent[];
  markers?: readonly Marker[];
  receivedAt?: number;
  encoding?: "json" | "deflate-raw";
  /** What the header claims, where it should differ from the truth. */
  claims?: { count?: number; rawBytes?: number };
  payload?: Uint8Array;
}

/** Makes a project with one key. */
export async function insertProject(db: Queryable, name: string): Promise<{ id: number; key: string }> {
  const rows = await db.query<{ id: number }>("INSERT INTO projects (name, slug) VALUES ($1, $1) RETURNING id", [name]);
  const id = rows[0]?.id ?? 0;
  const key = createHash("md5").update(name).digest("hex");
  await db.query("INSERT INTO project_keys (key, project_id) VALUES ($1, $2)", [key, id]);
  return { id, key };
}

/** Makes the partitions of a day, where they are missing. */
export async function ensureDay(db: Queryable, day: string): Promise<void> {
  for (const table of ["session_events", "session_markers", "session_errors"]) {
    await db.query(
      `CREATE TABLE IF NOT EXISTS ${table}_${day.replaceAll("-", "")} PARTITION OF ${table}
       FOR VALUES FROM ('${day}') TO ('${new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10)}')`,
    );
  }
}

/** Inserts the row of a session. */
export async function insertSession(db: Queryable, facts: StoredSessionFacts): Promise<void> {
  await ensureDay(db, facts.startedOn);
  const lastAt = facts.lastAt ?? facts.startedAt + 60_000;
  await db.query(
    `INSERT INTO sessions (session_id, project_id, started_on, resume_hash, status, user_id, url, title, started_at, last_at, ended_at)
     VALUES ($1, $2, $3::date, '\\x00', $4, $5, $6, $7, to_timestamp($8 / 1000.0), to_timestamp($9 / 1000.0),
             CASE WHEN $4 = 'ended' THEN to_timestamp($9 / 1000.0) END)`,
    [
      facts.sessionId,
      facts.projectId,
      facts.startedOn,
      facts.status ?? "ended",
      facts.userId ?? null,
      facts.url ?? "https://shop.example/",
      facts.title ?? "Shop",
      facts.startedAt,
      lastAt,
    ],
  );
}

/** Inserts the row of a tab. */
export async function insertTab(db: Queryable, sessionId: string, tab: string, startedAt: number, tabGroup = ""): Promise<void> {
  await db.query(
    `INSERT INTO session_tabs (session_id, tab, tab_group, started_at, last_at)
     VALUES ($1, $2, $3, to_timestamp($4 / 1000.0), to_timestamp($4 / 1000.0))`,
    [sessionId, tab, tabGroup, startedAt],
  );
}

/** Inserts a batch, its markers and its errors, and counts them in the session's row. */
export async function insertBatch(db: Queryable, facts: StoredBatchFacts): Promise<void> {
  const json = Buffer.from(JSON.stringify(facts.events));
  const encoding = facts.encoding ?? "deflate-raw";
  const payload = facts.payload ?? (encoding === "json" ? json : deflateRawSync(json));
  const times = facts.events.map((event) => event.timestamp);
  const firstAt = Math.min(...times);
  const count = facts.claims?.count ?? facts.events.length;
  const receivedAt = facts.receivedAt ?? Math.max(...times) + 50;
  await db.query(
    `INSERT INTO session_events
       (session_id, tab, seq, started_on, received_at, first_at, last_at, event_count, checkout, encoding, raw_bytes, payload)
     VALUES ($1, $2, $3, $4::date, to_timestamp($5 / 1000.0), $6, $7, $8, $9, $10, $11, $12)`,
    [
      facts.sessionId,
      facts.tab,
      facts.seq,
      facts.startedOn,
      receivedAt,
      firstAt,
      Math.max(...times),
      count,
      facts.events[0]?.type === RRWEB.meta && facts.events[1]?.type === RRWEB.fullSnapshot,
      encoding === "json" ? 0 : 1,
      facts.claims?.rawBytes ?? json.length,
      payload,
    ],
  );
  for (const [ordinal, marker] of (facts.markers ?? []).entries()) await insertMarker(db, facts, marker, ordinal, receivedAt);
  await db.query(
    `UPDATE sessions SET event_count = event_count + $2, batch_count = batch_count + 1, byte_count = byte_count + $3,
       error_count = error_count + $4 WHERE session_id = $1`,
    [facts.sessionId, count, payload.length, (facts.markers ?? []).filter((marker) => marker.kind === "error").length],
  );
}

/** The id that an error gets here. */
export function errorIdOf(sessionId: string, tab: string, seq: number, ordinal: number): string {
  const hex = createHash("sha256").update([sessionId, tab, seq, ordinal].join("\n")).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

async function insertMarker(db: Queryable, facts: StoredBatchFacts, marker: Marker, ordinal: number, receivedAt: number) {
  const where = [facts.sessionId, facts.tab, facts.seq, ordinal, facts.startedOn, facts.projectId];
  await db.query(
    `INSERT INTO session_markers (session_id, tab, seq, ordinal, started_on, project_id, kind, at, name, text, data)
     VALUES ($1, $2, $3, $4, $5::date, $6, $7, $8, $9, $10, $11)`,
    [...where, marker.kind, marker.at, marker.name ?? "", marker.text ?? "", JSON.stringify(marker.data ?? {})],
  );
  if (marker.kind !== "error") return;
  await db.query(
    `INSERT INTO session_errors (session_id, tab, seq, ordinal, started_on, project_id, error_id, at, received_at, type, message, stack)
     VALUES ($1, $2, $3, $4, $5::date, $6, $7, $8, to_timestamp($9 / 1000.0), $10, $11, $12)`,
    [
      ...where,
      errorIdOf(facts.sessionId, facts.tab, facts.seq, ordinal),
      marker.at,
      receivedAt,
      marker.name ?? "",
      marker.text ?? "",
      marker.stack ?? "",
    ],
  );
}

/** Meta and full snapshot of a small page whose heading says `text`. Node 5 is the heading's text. */
export function checkoutEvents(at: number, text: string): RrwebEvent[] {
  const heading = { type: 2, tagName: "h1", attributes: {}, id: 4, childNodes: [{ type: 3, textContent: text, id: 5 }] };
  const body = { type: 2, tagName: "body", attributes: {}, id: 3, childNodes: [heading] };
  const html = { type: 2, tagName: "html", attributes: {}, id: 2, childNodes: [body] };
  return [
    { type: RRWEB.meta, timestamp: at, data: { href: "https://shop.example/", width: 800, height: 600 } },
    {
      type: RRWEB.fullSnapshot,
      timestamp: at,
      data: { node: { type: 0, id: 1, childNodes: [html] }, initialOffset: { left: 0, top: 0 } },
    },
  ];
}

/** An incremental event that changes the heading's text. */
export function textEvent(at: number, text: string): RrwebEvent {
  return {
    type: RRWEB.incremental,
    timestamp: at,
    data: { source: 0, texts: [{ id: 5, value: text }], attributes: [], removes: [], adds: [] },
  };
}
