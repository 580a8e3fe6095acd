import { describe, expect, it } from "vitest";
import { isNeeded, stretchesUntil } from "./ahead.ts";
import { Timeline } from "./timeline.ts";

function setUp() {
  const timeline = new Timeline();
  const tab = { tabGroup: "one", url: "", title: "", viewport: null, endedAt: null, upto: 39 };
  timeline.setTabs([
    { ...tab, tab: "a", startedAt: 0, lastAt: 40_000 },
    { ...tab, tab: "b", startedAt: 45_000, lastAt: 60_000 },
  ]);
  timeline.addCheckouts([0, 10, 20, 30].map((seq) => ({ tab: "a", seq, at: seq * 1_000 })));
  timeline.addCheckouts([{ tab: "b", seq: 0, at: 45_000 }]);
  const page = timeline.page("a");
  if (!page) throw new Error("no page");
  return { timeline, page };
}

describe("what is ahead", () => {
  it("VIE-9 is loaded in time: the stretch played, the next one, and the next page", () => {
    const { timeline, page } = setUp();
    const names = (at: number, until: number) => stretchesUntil(timeline, page, at, until).map(({ tab, seq }) => `${tab}${seq}`);
    expect(names(12_000, 15_000)).toEqual(["a10"]);
    expect(names(12_000, 27_000)).toEqual(["a10", "a20"]);
    expect(names(35_000, 50_000)).toEqual(["a30", "b0"]);
  });

  it("VIE-6 is not forgotten, nor what is at the live edge", () => {
    const { timeline } = setUp();
    const kept = Array.from({ length: 40 }, (_, seq) => seq).filter((seq) => isNeeded(timeline, { tab: "a", seq }, "a", 5_000));
    expect([kept[0], kept[19], kept[20]]).toEqual([0, 19, 30]);
    expect(isNeeded(timeline, { tab: "a", seq: 5 }, "b", 50_000)).toBe(false);
    expect(isNeeded(timeline, { tab: "b", seq: 3 }, "a", 5_000)).toBe(true);
  });
});
