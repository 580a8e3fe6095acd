import { describe, expect, it } from "vitest";
import type { RrwebEvent } from "../../protocol/rrweb-event.ts";
import { BatchCache } from "./batch-cache.ts";
import { EventCursor } from "./event-cursor.ts";
import { findQuietEnd } from "./quiet-time.ts";
import { sampleBatch, sampleChange, sampleCheckout, sampleScroll } from "./sample-batches.ts";
import { Timeline } from "./timeline.ts";

const BATCHES: readonly (readonly RrwebEvent[])[] = [
  [...sampleCheckout(0), sampleScroll(500)],
  [sampleChange(3_000), sampleChange(9_000)],
  [sampleChange(20_000), sampleScroll(30_000)],
];

async function setUp(upto: number, more: { at?: number } = {}) {
  const cache = new BatchCache();
  const timeline = new Timeline();
  const tab = { tab: "a", tabGroup: "a", url: "", title: "", viewport: null, startedAt: 0 };
  timeline.setTabs([{ ...tab, lastAt: 60_000, endedAt: 60_000, upto: 2 }]);
  const held = BATCHES.slice(0, upto + 1).map((events, seq) => cache.add(sampleBatch("a", seq, events)));
  await Promise.all(held.map((batch) => batch.events()));
  const cursor = new EventCursor(cache, "a", 0, () => undefined);
  await cursor.collect(more.at ?? 1_000);
  return { timeline, cursor };
}

describe("quiet times", () => {
  it("VIE-21 end a second before the visitor does something, whatever the page does by itself", async () => {
    const { timeline, cursor } = await setUp(2);
    expect(findQuietEnd(timeline, cursor, 1_000, null)).toBe(29_000);
    expect(findQuietEnd(timeline, cursor, 25_000, null)).toBeNull();
  });

  it("VIE-21 end where nothing is known any more", async () => {
    const { timeline, cursor } = await setUp(1);
    expect(findQuietEnd(timeline, cursor, 1_000, null)).toBe(8_000);
  });

  it("VIE-21 end before a marker and before the next page", async () => {
    const { timeline, cursor } = await setUp(2);
    timeline.addMarkers("a", [{ kind: "error", at: 15_000 }]);
    expect(findQuietEnd(timeline, cursor, 1_000, null)).toBe(14_000);
    const tab = { tab: "b", tabGroup: "a", url: "", title: "", viewport: null, endedAt: null, upto: 0 };
    timeline.setTabs([{ ...tab, startedAt: 12_000, lastAt: 13_000 }]);
    expect(findQuietEnd(timeline, cursor, 1_000, null)).toBe(11_000);
  });

  it("VIE-21 last to the end of the session where nothing more is done", async () => {
    const { timeline, cursor } = await setUp(2, { at: 31_000 });
    expect(findQuietEnd(timeline, cursor, 31_000, null)).toBe(60_000);
  });
});
