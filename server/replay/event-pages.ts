/**
 * rrweb events of a session by index, in the order of their arrival. An index counts the events that batch headers claim: a batch that
 * holds fewer leaves indexes empty, one that holds more gives them all with its last index, and nothing is left out or repeated.
 */

import type { RrwebEvent } from "../../protocol/rrweb-event.ts";
import type { Queryable } from "../db/db.ts";
import { DamagedBatch, inflateEvents } from "./inflate.ts";
import type { SessionKey } from "./session-rows.ts";
import { readStored } from "./stored-payload.ts";

/** Events of one answer where nothing else is asked for, and at most. */
export const DEFAULT_EVENT_LIMIT = 1_000;
export const MAX_EVENT_LIMIT = 10_000;
/** Inflated bytes of one answer; a single larger batch comes alone. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

interface Slot {
  tab: string;
  seq: number;
  start: number;
  event_count: number;
  raw_bytes: number;
}

interface PayloadRow {
  tab: string;
  seq: number;
  encoding: number;
  raw_bytes: number;
  payload: Uint8Array;
}

/** A page of events; go on at `nextIndex`, which stays the same at the end of what is stored. */
export interface EventPage {
  events: RrwebEvent[];
  nextIndex: number;
}

/** Reads at most `limit` events from `fromIndex` on. */
export async function readEventPage(db: Queryable, key: SessionKey, fromIndex: number, limit: number): Promise<EventPage> {
  const end = fromIndex + Math.max(1, Math.min(limit, MAX_EVENT_LIMIT));
  const slots = boundBytes(await listSlots(db, key, fromIndex, end));
  const payloads = slots.length === 0 ? [] : await readPayloads(db, key, slots);
  const events: RrwebEvent[] = [];
  let nextIndex = fromIndex;
  for (const slot of slots) {
    const from = Math.max(fromIndex, slot.start) - slot.start;
    const to = Math.min(end, slot.start + slot.event_count) - slot.start;
    const row = payloads.find((one) => one.tab === slot.tab && one.seq === slot.seq);
    const inside = row ? await readOrNothing(row) : [];
    events.push(...inside.slice(from, to === slot.event_count ? undefined : to));
    nextIndex = slot.start + to;
  }
  return { events, nextIndex };
}

async function listSlots(db: Queryable, key: SessionKey, fromIndex: number, end: number): Promise<Slot[]> {
  return db.query<Slot>(
    `SELECT tab, seq, upto - event_count AS start, event_count, raw_bytes FROM (
       SELECT tab, seq, event_count, raw_bytes, sum(event_count) OVER (ORDER BY received_at, tab, seq) AS upto
       FROM session_events WHERE session_id = $1 AND started_on = $2::date AND event_count > 0
     ) AS counted
     WHERE upto > $3 AND upto - event_count < $4 ORDER BY upto`,
    [key.sessionId, key.startedOn, fromIndex, end],
  );
}

/** A viewer may ask for much, but an answer is built in memory. */
function boundBytes(slots: Slot[]): Slot[] {
  let bytes = 0;
  const over = slots.findIndex((slot, index) => (bytes += slot.raw_bytes) > MAX_ANSWER_BYTES && index > 0);
  return over < 0 ? slots : slots.slice(0, over);
}

async function readPayloads(db: Queryable, key: SessionKey, slots: readonly Slot[]): Promise<PayloadRow[]> {
  return db.query<PayloadRow>(
    `SELECT e.tab, e.seq, e.encoding, e.raw_bytes, e.payload
     FROM unnest($3::text[], $4::integer[]) AS wanted (tab, seq)
     JOIN session_events e ON e.session_id = $1 AND e.started_on = $2::date AND e.tab = wanted.tab AND e.seq = wanted.seq
     WHERE e.payload IS NOT NULL`,
    [key.sessionId, key.startedOn, slots.map((slot) => slot.tab), slots.map((slot) => slot.seq)],
  );
}

async function readOrNothing(row: PayloadRow): Promise<RrwebEvent[]> {
  try {
    return await inflateEvents(await readStored(row));
  } catch (error) {
    if (error instanceof DamagedBatch) return [];
    throw error;
  }
}
