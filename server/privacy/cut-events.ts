/**
 * What a guest may see of the events of a batch. Before the beginning of what is shown only that is left from which the page is put together;
 * after its end nothing is. Without the panels nothing is left but the page itself: what the page logged, asked for, stored or marked goes.
 */

import type { LooseEvent } from "./payload-bytes.ts";

/** What is shown of a session. */
export interface EventCut {
  /** Page times; null: from the beginning, to the end. */
  fromAt: number | null;
  toAt: number | null;
  /** True where what the panels show is shown: console, network, state, marks. */
  showsPanels: boolean;
}

/** rrweb's event types and sources of incremental events (`@rrweb/types` 2.1). */
const META = 4;
const INCREMENTAL = 3;
const FULL_SNAPSHOT = 2;
/** DomContentLoaded, load, full snapshot, incremental, meta; custom and plugin events carry what panels show. */
const PAGE_TYPES: ReadonlySet<number> = new Set([0, 1, FULL_SNAPSHOT, INCREMENTAL, META]);
const MOUSE_MOVE = 1;
const TOUCH_MOVE = 6;
const DRAG = 12;
/** Sources that change or show the page: from mutations to fonts, and from drags to custom elements; between them are logs. */
const PAGE_SOURCES: ReadonlySet<number> = new Set([0, MOUSE_MOVE, 2, 3, 4, 5, TOUCH_MOVE, 7, 8, 9, 10, DRAG, 13, 14, 15, 16]);
/** What changes nothing of the page, and is not needed before the beginning: moves, clicks, touches, drags, selections, media. */
const LEAVES_NO_TRACE: ReadonlySet<number> = new Set([MOUSE_MOVE, 2, TOUCH_MOVE, 7, DRAG, 14]);
const MOVES: ReadonlySet<number> = new Set([MOUSE_MOVE, TOUCH_MOVE, DRAG]);

/** The events that are left, in their order; those that are changed are copies. */
export function cutEvents(events: readonly LooseEvent[], cut: EventCut): LooseEvent[] {
  const from = cut.fromAt ?? -Infinity;
  const to = cut.toAt ?? Infinity;
  // The page is put together from its newest full snapshot: what came before that is not needed.
  const first = Number.isFinite(from) ? newestStart(events, from) : 0;
  const left: LooseEvent[] = [];
  for (const [index, event] of events.entries()) {
    if (event.timestamp > to || index < first) continue;
    const source = event.type === INCREMENTAL ? sourceOf(event.data) : null;
    if (!cut.showsPanels && !isOfPage(event.type, source)) continue;
    if (event.timestamp < from && !buildsPage(event.type, source)) continue;
    left.push(shorten(event, source, from, cut.showsPanels));
  }
  return left;
}

/** Index of the Meta (or snapshot) with which the newest full snapshot at or before `from` begins; 0 where there is none. */
function newestStart(events: readonly LooseEvent[], from: number): number {
  const snapshot = events.findLastIndex((event) => event.type === FULL_SNAPSHOT && event.timestamp <= from);
  if (snapshot <= 0) return 0;
  return events[snapshot - 1]?.type === META ? snapshot - 1 : snapshot;
}

/** What is not known to be of the page is left out: a recorder of tomorrow may have further kinds. */
function isOfPage(type: number, source: number | null): boolean {
  return type === INCREMENTAL ? source !== null && PAGE_SOURCES.has(source) : PAGE_TYPES.has(type);
}

function buildsPage(type: number, source: number | null): boolean {
  if (type === INCREMENTAL) return source !== null && PAGE_SOURCES.has(source) && !LEAVES_NO_TRACE.has(source);
  return type === FULL_SNAPSHOT || type === META;
}

function shorten(event: LooseEvent, source: number | null, from: number, showsPanels: boolean): LooseEvent {
  const { data } = event;
  if (!isRecord(data)) return event;
  if (event.type === META && !showsPanels && typeof data["href"] === "string") {
    return { ...event, data: { ...data, href: plainAddress(data["href"]) } };
  }
  const { positions } = data;
  if (source === null || !MOVES.has(source) || !Array.isArray(positions) || event.timestamp - 1_000 >= from) return event;
  // A move holds where the pointer was in the half second before it.
  const inside = positions.filter((position) => event.timestamp + offsetOf(position) >= from);
  return { ...event, data: { ...data, positions: inside } };
}

/** An address without its query and fragment, which may say who somebody is; empty for what is none. */
export function plainAddress(address: string): string {
  return address.split(/[?#]/, 1)[0] ?? "";
}

function sourceOf(data: unknown): number | null {
  return isRecord(data) && typeof data["source"] === "number" ? data["source"] : null;
}

function offsetOf(position: unknown): number {
  return isRecord(position) && typeof position["timeOffset"] === "number" ? position["timeOffset"] : 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
