import { describe, expect, it } from "vitest";
import { Activity } from "./activity.ts";
import { sampleChange, sampleScroll } from "./sample-batches.ts";
import { Timeline } from "./timeline.ts";

const batch = (seq: number, firstAt: number, lastAt: number) => ({ tab: "a", seq, firstAt, lastAt });

describe("activity", () => {
  it("VIE-80 calls it idle where the visitor does nothing for five seconds, whatever the page does meanwhile", () => {
    const activity = new Activity();
    activity.note(batch(0, 0, 1_000), [sampleScroll(500)]);
    activity.note(batch(1, 3_000, 9_000), [sampleChange(3_000), sampleChange(6_000), sampleScroll(9_000)]);
    activity.note(batch(2, 12_000, 12_500), [sampleScroll(12_000)]);
    expect(activity.idle(0, 13_000)).toEqual([{ from: 1_000, to: 9_000 }]);
  });

  it("VIE-80 says nothing of what is not known", () => {
    const activity = new Activity();
    activity.note(batch(0, 0, 1_000), [sampleScroll(500)]);
    activity.note(batch(7, 60_000, 61_000), [sampleScroll(60_500)]);
    expect(activity.idle(0, 61_000)).toEqual([]);
  });

  it("VIE-80 estimates by the checkout index what was not read", () => {
    const timeline = new Timeline();
    const rest = { url: "", title: "", viewport: null, startedAt: 0, endedAt: 60_000 };
    timeline.setTabs([{ tab: "a", tabGroup: "a", lastAt: 60_000, upto: 40, ...rest }]);
    timeline.addCheckouts([
      { tab: "a", seq: 0, at: 0 },
      { tab: "a", seq: 16, at: 30_000 },
      { tab: "a", seq: 17, at: 50_000 },
    ]);
    const activity = new Activity();
    activity.estimate(timeline);
    const bars = activity.bars(0, 60_000, 6);
    expect(bars[0]).toBeCloseTo(0.35, 2);
    expect([bars[3], (bars[5] ?? 0) > 0.5]).toEqual([0.35, true]);
    expect(bars[4]).toBe(0);
    expect(activity.idle(0, 60_000)).toEqual([{ from: 30_000, to: 50_000 }]);
  });

  it("VIE-80 draws every bar of a second that is wider than a bar, and none above the top", () => {
    const activity = new Activity();
    const many = Array.from({ length: 500 }, (_, index) => sampleChange(1_000 + index));
    activity.note(batch(0, 0, 2_000), [sampleScroll(100), ...many]);
    const bars = activity.bars(0, 3_000, 12);
    expect(bars).toHaveLength(12);
    expect(bars.slice(4, 8)).toEqual([1, 1, 1, 1]);
    expect(bars.every((share) => share >= 0 && share <= 1)).toBe(true);
    expect(bars[0]).toBeGreaterThan(0);
  });
});
