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
  const events = received.flatMap(toEvent).sort((one, other) => one.timestamp - other.timestamp);
  const snapshot = events.findIndex(({ type }) => type === RRWEB.fullSnapshot);
  const before = snapshot < 0 ? [] : events.slice(0, snapshot);
  const hasChanges = before.some(({ type }) => type === RRWEB.incremental);
  const full = events[snapshot];
  if (full === undefined || (hasChanges && !isFirst)) return { events: holdBack(events), checkout: false };
  const meta = before.findLast(({ type }) => type === RRWEB.meta) ?? metaFor(full);
  const others = before.filter((event) => event !== meta && event.type !== RRWEB.incremental && event.type !== RRWEB.meta);
  const late = others.map((event) => ({ ...event, timestamp: full.timestamp }));
  return { events: [meta, full, ...late, ...events.slice(snapshot + 1)], checkout: true };
}

/** Marks and measurements are older than the changes that they are sent with; the stretch begins with those. */
function holdBack(events: readonly RrwebEvent[]): RrwebEvent[] {
  const first = events.find(({ type }) => type !== RRWEB.custom);
  if (first === undefined) return [...events];
  const inTime = events.filter(({ timestamp }) => timestamp >= first.timestamp);
  const early = events.filter(({ timestamp }) => timestamp < first.timestamp);
  return [...early.map((event) => ({ ...event, timestamp: first.timestamp })), ...inTime];
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
