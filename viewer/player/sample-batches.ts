/** Batches for tests of the player: as a tracker would make them, small enough to read. */

import type { ViewerBatch } from "../../protocol/batch.ts";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";

/** A batch with these events, as JSON. A batch whose first event is a Meta is a checkout. */
export function sampleBatch(tab: string, seq: number, events: readonly RrwebEvent[]): ViewerBatch {
  const payload = new TextEncoder().encode(JSON.stringify(events));
  return {
    sessionId: "session",
    tab,
    seq,
    firstAt: events[0]?.timestamp ?? 0,
    lastAt: events.at(-1)?.timestamp ?? 0,
    count: events.length,
    checkout: events[0]?.type === RRWEB.meta,
    encoding: "json",
    rawBytes: payload.length,
    markers: [],
    payload,
  };
}

/** Meta and full snapshot of an empty page. */
export function sampleCheckout(at: number): RrwebEvent[] {
  const node = { type: 0, id: 1, childNodes: [] };
  return [
    { type: RRWEB.meta, timestamp: at, data: { href: "https://shop.example/", width: 800, height: 600 } },
    { type: RRWEB.fullSnapshot, timestamp: at + 1, data: { node, initialOffset: { top: 0, left: 0 } } },
  ];
}

/** A scroll, which is something that the visitor did. */
export function sampleScroll(at: number): RrwebEvent {
  return { type: RRWEB.incremental, timestamp: at, data: { source: 3, id: 1, x: 0, y: 0 } };
}

/** A change of the page, which is nothing that the visitor did. */
export function sampleChange(at: number): RrwebEvent {
  return { type: RRWEB.incremental, timestamp: at, data: { source: 0, adds: [], removes: [], texts: [], attributes: [] } };
}
