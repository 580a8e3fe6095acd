/** Stored batches of one tab, in order, in pieces: whatever is asked for, about {@link PIECE_BYTES} are in memory at a time. */

import type { Marker } from "../../protocol/markers.ts";
import type { Queryable } from "../db/db.ts";
import type { BatchRow } from "../store/store.ts";
import type { SessionKey } from "./session-rows.ts";
import { readStored } from "./stored-payload.ts";

/** Payload bytes fetched at once; a single larger batch comes alone. */
const PIECE_BYTES = 1024 * 1024;
/** Rows whose sizes are looked at before payloads are fetched. */
const PAGE_ROWS = 256;
const MAX_SEQ = 2_147_483_647;

/** What to read of a tab. */
export interface BatchRange {
  tab: string;
  fromSeq: number;
  /** Last seq; absent: to the end. */
  toSeq?: number;
  /** Batches that begin after this page time are left out; absent: none are. */
  untilAt?: number;
}

interface Head {
  seq: number;
  first_at: number;
  bytes: number;
}

interface Row {
  seq: number;
  received_at: number;
  first_at: number;
  last_at: number;
  event_count: number;
  checkout: boolean;
  encoding: number;
  raw_bytes: number;
  payload: Uint8Array;
}

/**
 * Reads a range in pieces. Rows without a payload here (moved to object storage) are holes. A page's clock may jump, so that reading
 * stops at the first {@link PAGE_ROWS} rows that all lie after `untilAt`, not at the first row.
 */
export async function* readPieces(
  db: Queryable,
  session: SessionKey & { projectId: number },
  range: BatchRange,
): AsyncGenerator<BatchRow[]> {
  const toSeq = Math.min(range.toSeq ?? MAX_SEQ, MAX_SEQ);
  for (let fromSeq = range.fromSeq; fromSeq <= toSeq;) {
    const heads = await readHeads(db, session, range.tab, fromSeq, toSeq);
    const wanted = range.untilAt === undefined ? heads : heads.filter((head) => head.first_at <= (range.untilAt ?? 0));
    for (const seqs of cutIntoPieces(wanted)) yield await readBatches(db, session, range.tab, seqs);
    const last = heads.at(-1);
    if (!last || heads.length < PAGE_ROWS || wanted.length === 0) return;
    fromSeq = last.seq + 1;
  }
}

/** Seqs that are fetched together: neighbours, of at most {@link PIECE_BYTES} unless one alone is larger. */
export function cutIntoPieces(heads: readonly { seq: number; bytes: number }[]): number[][] {
  const pieces: number[][] = [];
  let piece: number[] = [];
  let bytes = 0;
  for (const head of heads) {
    if (piece.length > 0 && bytes + head.bytes > PIECE_BYTES) {
      pieces.push(piece);
      piece = [];
      bytes = 0;
    }
    piece.push(head.seq);
    bytes += head.bytes;
  }
  if (piece.length > 0) pieces.push(piece);
  return pieces;
}

/** Batches of these seqs with their markers, in order. `url` is empty: it is kept with the errors only. */
export async function readBatches(
  db: Queryable,
  session: SessionKey & { projectId: number },
  tab: string,
  seqs: readonly number[],
): Promise<BatchRow[]> {
  const key = [session.sessionId, session.startedOn, tab, seqs];
  const [rows, markers] = await Promise.all([
    db.query<Row>(
      `SELECT seq, (extract(epoch FROM received_at) * 1000)::float8 AS received_at, first_at, last_at, event_count, checkout, encoding,
         raw_bytes, payload
       FROM session_events
       WHERE session_id = $1 AND started_on = $2::date AND tab = $3 AND seq = ANY($4::integer[]) AND payload IS NOT NULL ORDER BY seq`,
      key,
    ),
    db.query<Marker & { seq: number; stack: string | null }>(
      `SELECT m.seq, m.kind, m.at, m.name, m.text, m.data, e.stack
       FROM session_markers m LEFT JOIN session_errors e
         ON e.session_id = m.session_id AND e.tab = m.tab AND e.seq = m.seq AND e.ordinal = m.ordinal AND e.started_on = m.started_on
       WHERE m.session_id = $1 AND m.started_on = $2::date AND m.tab = $3 AND m.seq = ANY($4::integer[]) ORDER BY m.seq, m.ordinal`,
      key,
    ),
  ]);
  const payloads = await Promise.all(rows.map(readStored));
  return rows.flatMap((row, index) => {
    const packed = payloads[index];
    if (packed === undefined) return [];
    return {
      sessionId: session.sessionId,
      tab,
      seq: row.seq,
      projectId: session.projectId,
      startedOn: session.startedOn,
      receivedAt: row.received_at,
      firstAt: row.first_at,
      lastAt: row.last_at,
      count: row.event_count,
      checkout: row.checkout,
      ...packed,
      markers: markers.filter((marker) => marker.seq === row.seq).map(toMarker),
      url: "",
    };
  });
}

async function readHeads(db: Queryable, session: SessionKey, tab: string, fromSeq: number, toSeq: number): Promise<Head[]> {
  return db.query<Head>(
    `SELECT seq, first_at, coalesce(octet_length(payload), 0) AS bytes FROM session_events
     WHERE session_id = $1 AND started_on = $2::date AND tab = $3 AND seq BETWEEN $4 AND $5 ORDER BY seq LIMIT ${PAGE_ROWS}`,
    [session.sessionId, session.startedOn, tab, fromSeq, toSeq],
  );
}

function toMarker(row: Marker & { stack?: string | null | undefined }): Marker {
  const marker: Marker = { kind: row.kind, at: row.at };
  if (row.name) marker.name = row.name;
  if (row.text) marker.text = row.text;
  if (row.stack) marker.stack = row.stack;
  if (row.data && Object.keys(row.data).length > 0) marker.data = row.data;
  return marker;
}
