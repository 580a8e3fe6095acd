import { describe, expect, it } from "vitest";
import type { TabSummary } from "../../protocol/session.ts";
import { Timeline } from "./timeline.ts";

function tab(name: string, tabGroup: string, startedAt: number, lastAt: number, more: Partial<TabSummary> = {}): TabSummary {
  const rest = { url: `https://shop.example/${name}`, title: "", viewport: null, endedAt: null, upto: 0 };
  return { tab: name, tabGroup, startedAt, lastAt, ...rest, ...more };
}

/** Two browser tabs: the first with two page loads, the second opened between them. */
function sample(): Timeline {
  const timeline = new Timeline();
  timeline.setTabs([tab("b", "one", 5_000, 9_000), tab("a", "one", 1_000, 4_000), tab("c", "two", 6_000, 8_000)]);
  timeline.addCheckouts([
    { tab: "a", seq: 4, at: 3_000 },
    { tab: "a", seq: 0, at: 1_000 },
    { tab: "b", seq: 0, at: 5_000 },
    { tab: "c", seq: 0, at: 6_000 },
  ]);
  return timeline;
}

describe("the timeline", () => {
  it("VIE-8 puts the pages of a browser tab in a row, and browser tabs in the order in which they were opened", () => {
    const { groups, from, to } = sample();
    expect(groups.map(({ group, pages }) => [group, pages.map((page) => page.tab)])).toEqual([
      ["one", ["a", "b"]],
      ["two", ["c"]],
    ]);
    expect([from, to]).toEqual([1_000, 9_000]);
  });

  it("VIE-8 shows the last page of a group that has begun, and its first before that", () => {
    const timeline = sample();
    expect([0, 1_000, 4_999, 5_000, 99_999].map((at) => timeline.pageAt("one", at)?.tab)).toEqual(["a", "a", "a", "b", "b"]);
    expect(timeline.pageAt("none", 0)).toBeNull();
  });

  it("VIE-8 passes over a page that cannot be played (yet)", () => {
    const timeline = sample();
    timeline.setTabs([tab("d", "one", 9_000, 9_000)]);
    expect(timeline.pageAt("one", 10_000)?.tab).toBe("b");
    timeline.addCheckouts([{ tab: "d", seq: 0, at: 9_100 }]);
    expect(timeline.pageAt("one", 10_000)?.tab).toBe("d");
  });

  it("VIE-9 starts at the last checkout at or before a moment", () => {
    const timeline = sample();
    expect([0, 2_999, 3_000, 4_000].map((at) => timeline.checkoutBefore("a", at)?.seq)).toEqual([0, 0, 4, 4]);
    expect(timeline.checkoutAfter({ tab: "a", seq: 0, at: 1_000 })?.seq).toBe(4);
    expect(timeline.checkoutAfter({ tab: "a", seq: 4, at: 3_000 })).toBeNull();
    expect(timeline.checkoutBefore("x", 1)).toBeNull();
  });

  it("VIE-10 follows the visitor to the browser tab in which he opens or clicks something", () => {
    const timeline = sample();
    expect(timeline.groupAt(1_500)).toBe("one");
    expect(timeline.groupAt(6_500)).toBe("two");
    timeline.addMarkers("b", [{ kind: "click", at: 7_000 }]);
    timeline.addMarkers("c", [{ kind: "error", at: 7_500 }]);
    expect(timeline.groupAt(6_999)).toBe("two");
    expect(timeline.groupAt(8_000)).toBe("one");
  });

  it("VIE-11 holds a marker once, whether it came live, from history, or both", () => {
    const timeline = sample();
    timeline.addMarkers("a", [{ kind: "error", at: 2_000, name: "TypeError", text: "no" }]);
    timeline.addMarkers("a", [{ kind: "error", at: 2_000, name: "TypeError", text: "no", data: {}, errorId: "e" }]);
    timeline.addMarkers("c", [{ kind: "click", at: 1_500 }]);
    expect(timeline.markers.map((marker) => marker.kind)).toEqual(["click", "error"]);
  });

  it("VIE-11 finds the next marker and the one before, of the kinds asked for", () => {
    const timeline = sample();
    timeline.addMarkers(
      "a",
      [1_000, 2_000, 3_000].map((at) => ({ kind: at === 2_000 ? "click" : "error", at })),
    );
    const errors = new Set(["error"] as const);
    expect(timeline.markerFrom(1_000, 1, errors)?.at).toBe(3_000);
    expect(timeline.markerFrom(3_000, -1, errors)?.at).toBe(1_000);
    expect(timeline.markerFrom(3_000, 1, errors)).toBeNull();
    expect(timeline.markerFrom(1_100, -1, errors, 500)).toBeNull();
  });

  it("VIE-12 grows with what arrives live, and never shrinks", () => {
    const timeline = sample();
    const before = timeline.version;
    timeline.noteBatch({
      tab: "b",
      seq: 9,
      firstAt: 11_000,
      lastAt: 12_000,
      checkout: true,
      markers: [{ kind: "click", at: 11_500 }],
    });
    expect(timeline.to).toBe(12_000);
    expect(timeline.checkoutBefore("b", 12_000)?.seq).toBe(9);
    expect(timeline.markers).toHaveLength(1);
    timeline.setTabs([tab("b", "one", 5_000, 9_000, { upto: 3 })]);
    expect([timeline.to, timeline.page("b")?.upto]).toEqual([12_000, 9]);
    expect(timeline.version).toBeGreaterThan(before);
  });

  it("VIE-5 draws a gap that was told live where the page was, and each gap once", () => {
    const timeline = sample();
    timeline.addGap({ tab: "a", fromSeq: 2, toSeq: 3 });
    timeline.addGap({ tab: "a", fromSeq: 2, toSeq: 3, fromAt: 1_500, toAt: 2_500 });
    expect(timeline.gaps).toEqual([{ tab: "a", fromSeq: 2, toSeq: 3, fromAt: 4_000, toAt: 4_000 }]);
  });
});
