/** The plain dialect: rrweb events as they are, turned into batches like those that a tracker packs. */

import { MAX_PAYLOAD_BYTES } from "../../protocol/limits.ts";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";
import { AppError } from "../app-error.ts";

/** A batch that has no seq yet; its payload is a JSON array. */
export interface PlainPiece {
  firstAt: number;
  lastAt: number;
  count: number;
  checkout: boolean;
  payload: Uint8Array;
}

const MAX_AT = 8.64e15;

/**
 * Packs events into batches: a new one begins at each checkout (Meta directly followed by a full snapshot), and wherever a payload
 * would grow past the limit.
 * @throws AppError `too_large` for a single event over the limit
 */
export function packEvents(events: readonly RrwebEvent[], maxBytes: number = MAX_PAYLOAD_BYTES): PlainPiece[] {
  const pieces: PlainPiece[] = [];
  let start = 0;
  for (let i = 1; i <= events.length; i++) {
    if (i < events.length && !isCheckoutAt(events, i)) continue;
    packRun(events.slice(start, i), isCheckoutAt(events, start), maxBytes, pieces);
    start = i;
  }
  return pieces;
}

/** True where a checkout may be cut in two: the next message may bring the full snapshot. */
export function endsWithMeta(events: readonly RrwebEvent[]): boolean {
  return events.at(-1)?.type === RRWEB.meta;
}

function isCheckoutAt(events: readonly RrwebEvent[], index: number): boolean {
  return events[index]?.type === RRWEB.meta && events[index + 1]?.type === RRWEB.fullSnapshot;
}

/** Packs a run that holds at most one checkout, at its start; halves what is too large. */
function packRun(events: readonly RrwebEvent[], checkout: boolean, maxBytes: number, pieces: PlainPiece[]): void {
  const payload = new TextEncoder().encode(JSON.stringify(events));
  if (payload.length > maxBytes) {
    // Meta and full snapshot stay together: a checkout is both or nothing.
    const least = checkout ? 2 : 1;
    if (events.length <= least) throw new AppError("too_large", `an event is larger than ${maxBytes} bytes`);
    const half = Math.max(least, events.length >> 1);
    packRun(events.slice(0, half), checkout, maxBytes, pieces);
    packRun(events.slice(half), false, maxBytes, pieces);
    return;
  }
  let firstAt = MAX_AT;
  let lastAt = 0;
  for (const event of events) {
    const at = Math.min(MAX_AT, Math.max(0, event.timestamp));
    if (at < firstAt) firstAt = at;
    if (at > lastAt) lastAt = at;
  }
  pieces.push({ firstAt, lastAt, count: events.length, checkout, payload });
}
