import { describe, expect, it } from "vitest";
import type { TabSummary } from "../../../protocol/session.ts";
import { Timeline } from "../../player/timeline.ts";
import { ActivityRing, toHeights } from "./activity-ring.ts";
import { Leavers, LINGER_MS } from "./leavers.ts";
import { isHeavy, openGroups, presentTabs, slimTimeline } from "./slim-timeline.ts";
import { fillPlaces, MAX_TILES, NO_PLACES, readWall, writeWall, type Candidates } from "./wall-places.ts";

function people(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `visitor-${index}`);
}

function candidates(online: readonly string[], other: Partial<Candidates> = {}): Candidates {
  return { online, present: online, chosen: new Set(), dismissed: new Set(), fills: true, ...other };
}

describe("places", () => {
  it("VIE-110 free places go to those whom the viewer chose and then to the best; whoever is there keeps his place", () => {
    const online = people(9);
    const chosen = new Set(["visitor-8"]);
    const first = fillPlaces(NO_PLACES, candidates(online, { chosen }));
    expect(first.tiles).toEqual(["visitor-8", ...online.slice(0, MAX_TILES - 1)]);
    const left = fillPlaces(first, candidates(online.toReversed().filter((id) => id !== "visitor-1")));
    expect(left.tiles).toEqual(["visitor-8", "visitor-0", "visitor-2", "visitor-3", "visitor-4", "visitor-7"]);
    expect(fillPlaces(left, candidates(online, { dismissed: new Set(["visitor-0"]) })).tiles).not.toContain("visitor-0");
    expect(fillPlaces(NO_PLACES, candidates(online, { fills: false, chosen })).tiles).toEqual(["visitor-8"]);
  });

  it("VIE-110 there are six places, and one more while somebody is in focus, who is never pushed out", () => {
    const online = people(12);
    expect(fillPlaces(NO_PLACES, candidates(online)).tiles).toHaveLength(MAX_TILES);
    const focused = fillPlaces({ tiles: [], focus: "visitor-11" }, candidates(online));
    expect(focused.tiles).toHaveLength(MAX_TILES + 1);
    expect(focused.tiles).toContain("visitor-11");
    const after = fillPlaces({ ...focused, focus: null }, candidates(online, { chosen: new Set(["visitor-11"]) }));
    expect(after.tiles).toHaveLength(MAX_TILES);
    expect(after.tiles).toContain("visitor-11");
    const all = new Set(people(10));
    expect(fillPlaces({ tiles: [], focus: "visitor-9" }, candidates(online, { chosen: all })).tiles).toContain("visitor-9");
    expect(fillPlaces({ tiles: [], focus: "nobody" }, candidates(online)).focus).toBeNull();
  });

  it("VIE-110 whom the viewer chose, and who is in focus, is in the address", () => {
    const start = { chosen: ["a", "b"], focus: "c" };
    expect(readWall(new URL(writeWall(start), "http://localhost").searchParams)).toEqual(start);
    expect(writeWall({ chosen: [], focus: null })).toBe("/live");
    expect(readWall(new URLSearchParams(`with=${people(40).join(",")}&focus=`))).toEqual({
      chosen: people(MAX_TILES),
      focus: null,
    });
  });

  it("VIE-110 who has gone keeps his place for a moment", () => {
    const leavers = new Leavers();
    leavers.note("a", 1_000);
    leavers.note("b", 2_000);
    leavers.forget("b");
    expect(leavers.takeExpired(1_000 + LINGER_MS)).toEqual([]);
    expect(leavers.ids).toEqual(["a"]);
    expect(leavers.takeExpired(1_001 + LINGER_MS)).toEqual(["a"]);
    expect(leavers.ids).toEqual([]);
  });
});

describe("activity", () => {
  it("VIE-111 activity is what was counted in the last minute, in steps of five seconds, and how long nothing was", () => {
    const ring = new ActivityRing(100, 0);
    expect(ring.quietMs(0)).toBeNull();
    ring.note(110, 1_000);
    ring.note(130, 6_000);
    expect(ring.read(6_000).slice(-2)).toEqual([10, 20]);
    expect(ring.quietMs(9_000)).toBe(3_000);
    expect(ring.read(58_000)).toEqual([10, 20, ...new Array<number>(10).fill(0)]);
    expect(ring.read(300_000).some((count) => count > 0)).toBe(false);
    ring.note(5, 300_000);
    ring.note(6, 300_001);
    expect(ring.read(300_001).at(-1)).toBe(1);
    expect(toHeights([0, 1, 10_000]).map((height) => height > 0)).toEqual([false, true, true]);
    expect(Math.max(...toHeights([10_000_000]))).toBe(1);
  });
});

function tabOf(tab: string, other: Partial<TabSummary> = {}): TabSummary {
  const facts = { url: "", title: "", viewport: null, startedAt: 0, lastAt: 10, endedAt: null, upto: 0 };
  return { tab, tabGroup: tab, ...facts, ...other };
}

describe("what a live view remembers", () => {
  it("VIE-112 a live view forgets pages that are over, old checkouts and old markers, and still knows where the visitor is", () => {
    const timeline = new Timeline();
    const tabs = [tabOf("old", { endedAt: 5 }), tabOf("one"), tabOf("two", { startedAt: 3 })];
    timeline.setTabs(tabs);
    for (const { tab } of tabs) for (let seq = 0; seq < 60; seq += 2) timeline.addCheckouts([{ tab, seq, at: seq }]);
    for (let at = 0; at < 300; at++) timeline.addMarkers("one", [{ kind: "click", at }]);
    expect(isHeavy(timeline)).toBe(true);
    const slim = slimTimeline(timeline, null);
    expect(isHeavy(slim)).toBe(false);
    expect(slim.pages.map(({ tab }) => tab)).toEqual(["one", "two"]);
    expect(slim.checkouts("one")).toEqual([{ tab: "one", seq: 58, at: 58 }]);
    expect(slim.groupAt(Infinity)).toBe("one");
    expect(slimTimeline(timeline, "old").page("old")?.ended).toBe(true);
  });

  it("VIE-112 of a session's pages it takes the open ones and those that it shows already", () => {
    const timeline = new Timeline();
    const over = Array.from({ length: 200 }, (_, index) => tabOf(`p${index}`, { endedAt: 1, lastAt: index }));
    expect(presentTabs(over, timeline).map(({ tab }) => tab)).toEqual(["p199"]);
    timeline.setTabs(over.slice(0, 1));
    expect(presentTabs([...over, tabOf("open")], timeline).map(({ tab }) => tab)).toEqual(["open", "p0"]);
    expect([...openGroups([...over, tabOf("open", { tabGroup: "" })])]).toEqual(["open"]);
  });
});
