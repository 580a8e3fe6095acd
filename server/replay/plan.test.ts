import { describe, expect, it } from "vitest";
import { checkoutEvents, textEvent } from "../../test/harness/stored-session.ts";
import { cutIntoPieces } from "./batch-reader.ts";
import { fromFirstCheckout } from "./clip.ts";
import { planClip, planStarts, type TabSpan } from "./range-plan.ts";

function span(
  tab: string,
  firstAt: number,
  lastAt: number,
  checkout: [seq: number, at: number] | null = null,
  tabGroup = "g",
): TabSpan {
  return { tab, tabGroup, firstAt, lastAt, firstSeq: 0, checkout: checkout && { seq: checkout[0], at: checkout[1] } };
}

describe("planStarts", () => {
  it("REP-6 starts at the newest checkout of a group and leaves out what was over by then", () => {
    const spans = [span("a", 0, 100, [5, 80]), span("b", 110, 200, [2, 150]), span("c", 210, 300)];
    expect(planStarts(spans)).toEqual([
      { tab: "b", fromSeq: 2 },
      { tab: "c", fromSeq: 0 },
    ]);
  });

  it("REP-6 starts in the page context before, where the one at `from` has no checkout yet", () => {
    expect(planStarts([span("a", 0, 100, [5, 80]), span("b", 110, 200)])).toEqual([
      { tab: "a", fromSeq: 5 },
      { tab: "b", fromSeq: 0 },
    ]);
  });

  it("REP-6 starts at the beginning where there is no checkout before, and ends with `to`", () => {
    expect(planStarts([span("b", 110, 200), span("a", 0, 100), span("c", 500, 600)], 300)).toEqual([
      { tab: "a", fromSeq: 0 },
      { tab: "b", fromSeq: 0 },
    ]);
  });

  it("REP-6 plans each group by itself", () => {
    expect(planStarts([span("a", 0, 100, [5, 80], "left"), span("b", 10, 200, [1, 20], "right")])).toEqual([
      { tab: "a", fromSeq: 5 },
      { tab: "b", fromSeq: 1 },
    ]);
  });
});

describe("planClip", () => {
  it("REP-13 plays the page contexts of the error's browser tab one after the other, and no other tab", () => {
    const spans = [span("a", 0, 100, [3, 90]), span("b", 110, 200), span("c", 210, 300), span("x", 0, 300, [1, 50], "other")];
    expect(planClip(spans, "b", 150, 220)).toEqual([
      { tab: "a", fromSeq: 3, firstAt: 0, beforeAt: 110 },
      { tab: "b", fromSeq: 0, firstAt: 110, beforeAt: 210 },
      { tab: "c", fromSeq: 0, firstAt: 210, beforeAt: Infinity },
    ]);
  });

  it("REP-13 leaves out a context that opened while the error's one was going on", () => {
    const spans = [span("a", 0, 300, [3, 90]), span("copy", 120, 300, [0, 120])];
    expect(planClip(spans, "a", 150, 160)).toEqual([{ tab: "a", fromSeq: 3, firstAt: 0, beforeAt: Infinity }]);
  });

  it("REP-13 is empty for a tab without batches", () => {
    expect(planClip([span("a", 0, 10)], "gone", 5, 6)).toEqual([]);
  });
});

describe("fromFirstCheckout", () => {
  it("REP-11 leaves out what rrweb cannot show before the first Meta with a full snapshot", () => {
    const events = [textEvent(1, "lost"), ...checkoutEvents(2, "a"), textEvent(3, "b")];
    expect(fromFirstCheckout(events)).toEqual(events.slice(1));
    expect(fromFirstCheckout([textEvent(1, "lost")])).toEqual([]);
    const [meta, full] = checkoutEvents(5, "x");
    expect(fromFirstCheckout(full ? [full, ...events] : [])).toEqual(events.slice(1));
    expect(fromFirstCheckout(meta ? [meta] : [])).toEqual([]);
  });
});

describe("cutIntoPieces", () => {
  it("REP-8 keeps pieces within 1 MiB, and a larger batch alone", () => {
    const heads = [300, 300, 300, 300, 5_000, 10, 10].map((kb, seq) => ({ seq, bytes: kb * 1024 }));
    expect(cutIntoPieces(heads)).toEqual([[0, 1, 2], [3], [4], [5, 6]]);
    expect(cutIntoPieces([])).toEqual([]);
  });
});
