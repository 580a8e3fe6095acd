import { beforeEach, describe, expect, it } from "vitest";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";
import { BatchCache } from "./batch-cache.ts";
import { sampleBatch, sampleChange, sampleCheckout, sampleScroll } from "./sample-batches.ts";
import { findStep } from "./steps.ts";
import { Timeline } from "./timeline.ts";

const move = (at: number): RrwebEvent => ({
  type: RRWEB.incremental,
  timestamp: at,
  data: { source: 1, positions: [{ x: 1, y: 1, id: 1, timeOffset: 0 }] },
});

let timeline: Timeline;
let cache: BatchCache;
const step = (at: number, direction: 1 | -1) => findStep(timeline, cache, "a", at, direction);

beforeEach(() => {
  timeline = new Timeline();
  const rest = { url: "", title: "", viewport: null, startedAt: 0, endedAt: 20_000 };
  timeline.setTabs([{ tab: "a", tabGroup: "a", lastAt: 20_000, upto: 3, ...rest }]);
  timeline.addCheckouts([
    { tab: "a", seq: 0, at: 0 },
    { tab: "a", seq: 2, at: 10_000 },
  ]);
  cache = new BatchCache();
  cache.add(sampleBatch("a", 0, [...sampleCheckout(0), sampleChange(1_000), sampleChange(1_000), move(1_500)]));
  cache.add(sampleBatch("a", 1, [sampleScroll(2_000), sampleChange(3_000)]));
});

describe("steps", () => {
  it("VIE-77 go from one event that changes the page to the next, and not through moves of the pointer", async () => {
    expect(await step(0, 1)).toBe(1_000);
    expect(await step(1_000, 1)).toBe(2_000);
    expect(await step(2_000, 1)).toBe(3_000);
    expect(await step(3_500, -1)).toBe(3_000);
    expect(await step(2_000, -1)).toBe(1_000);
  });

  it("VIE-77 go over the end of what is held, and stay inside the session", async () => {
    expect(await step(3_000, 1)).toBe(10_000);
    expect(await step(10_500, 1)).toBeNull();
    expect(await step(10_500, -1)).toBe(10_000);
    expect(await step(10_000, -1)).toBe(9_999);
    expect(await step(1_000, -1)).toBe(0);
    expect(await step(0, -1)).toBeNull();
  });
});
