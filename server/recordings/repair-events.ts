/**
 * Events of a Sentry recording, made such as rrweb plays them. Two things are wrong in what the SDKs send: `performanceSpan` events carry
 * seconds where all others carry milliseconds, and events are in the order in which they were noticed, not in that of their times.
 */

import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";

/** No time in milliseconds after March 1973 is smaller, and none in seconds before the year 5138 is larger. */
const SECONDS_BELOW = 1e11;
const MAX_TIME = 8.64e15;

/** A time in milliseconds, whichever of the two it was. */
export function toMilliseconds(time: number): number {
  return time < SECONDS_BELOW ? time * 1000 : time;
}

/** Whether the events can be played from their beginning, besides the events. */
export interface RepairedEvents {
  events: RrwebEvent[];
  /** True where they begin with Meta + full snapshot. */
  checkout: boolean;
}

/**
 * Repairs the events of one segment: times in milliseconds, in order, nothing before the first change of the page, and Meta + full snapshot
 * in front where a page begins here. What is no event is left out.
 * @param isFirst for the first segment of a replay: what comes before its first full snapshot cannot be shown by anybody
 */
export function repairEvents(received: readonly unknown[], isFirst: boolean): RepairedEvents {
  const events = pairCheckouts(received.flatMap(toEvent).sort((one, other) => one.timestamp - other.timestamp));
  const snapshot = events.findIndex(({ type }) => type === RRWEB.fullSnapshot);
  const meta = events[snapshot - 1];
  const full = events[snapshot];
  if (meta === undefined || full === undefined) return { events: holdBack(events), checkout: false };
  const before = events.slice(0, snapshot - 1);
  if (before.some(isChange) && !isFirst) return { events: holdBack(events), checkout: false };
  const others = before.filter((event) => !isChange(event) && event.type !== RRWEB.meta);
  return { events: [meta, full, ...after(full, others), ...events.slice(snapshot + 1)], checkout: true };
}

/** Puts each Meta right before its full snapshot: SDKs write their options between the two. A snapshot without one gets one. */
function pairCheckouts(events: readonly RrwebEvent[]): RrwebEvent[] {
  const paired: RrwebEvent[] = [];
  let held: RrwebEvent[] = [];
  for (const event of events) {
    if (event.type === RRWEB.fullSnapshot) {
      const [meta = metaFor(event), ...others] = held;
      paired.push(meta, event, ...after(event, others));
      held = [];
    } else if (event.type === RRWEB.meta) {
      paired.push(...held);
      held = [event];
    } else if (held.length > 0 && !isChange(event)) held.push(event);
    else {
      paired.push(...held, event);
      held = [];
    }
  }
  return [...paired, ...held];
}

function isChange({ type }: RrwebEvent): boolean {
  return type === RRWEB.incremental;
}

/** The same events, not before `first`. */
function after(first: RrwebEvent, events: readonly RrwebEvent[]): RrwebEvent[] {
  return events.map((event) => ({ ...event, timestamp: Math.max(event.timestamp, first.timestamp) }));
}

/** Marks and measurements are older than the changes that they are sent with; the stretch begins with those. */
function holdBack(events: readonly RrwebEvent[]): RrwebEvent[] {
  const first = events.find(({ type }) => type !== RRWEB.custom);
  if (first === undefined) return [...events];
  const inTime = events.filter(({ timestamp }) => timestamp >= first.timestamp);
  const early = events.filter(({ timestamp }) => timestamp < first.timestamp);
  return [...after(first, early), ...inTime];
}

/** A page of the usual size, for a snapshot that came without one. */
function metaFor(full: RrwebEvent): RrwebEvent {
  return { type: RRWEB.meta, timestamp: full.timestamp, data: { href: "", width: 1280, height: 800 } };
}

function toEvent(value: unknown): RrwebEvent[] {
  if (typeof value !== "object" || value === null || !("type" in value) || !("timestamp" in value)) return [];
  const { type, timestamp } = value;
  if (typeof type !== "number" || !Number.isInteger(type) || type < 0 || type > 64) return [];
  if (typeof timestamp !== "number" || !(timestamp >= 0 && timestamp <= MAX_TIME)) return [];
  return [{ ...value, type, timestamp: toMilliseconds(timestamp) }];
}
