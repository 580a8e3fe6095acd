import { describe, expect, it } from "vitest";
import type { SessionSummary } from "../../protocol/session.ts";
import { isFiltering, mergeSessions, NO_FILTER, passes, readFilter, writeFilter } from "./session-filter.ts";

function session(sessionId: string, more: Partial<SessionSummary> = {}): SessionSummary {
  const texts = { title: "Shop", userAgent: "", referrer: "", timeZone: "", language: "", release: "", environment: "" };
  const counts = { durationMs: 0, eventCount: 0, batchCount: 0, byteCount: 0, errorCount: 0, tabCount: 1, watchers: 0 };
  const times = { startedAt: 1, lastAt: 1, endedAt: null, viewport: null };
  const who = { projectId: 1, userId: "ada", traits: {}, url: "https://shop.example/Cart" };
  return { sessionId, status: "live", live: true, ...texts, ...counts, ...times, ...who, ...more };
}

describe("the filters of the list", () => {
  it("VIE-26 hold for live sessions as they do for stored ones", () => {
    const one = session("s1", { errorCount: 2 });
    for (const q of ["cart", "shop", "ADA", "s1", "  cart "]) expect(passes(one, { ...NO_FILTER, q })).toBe(true);
    expect(passes(one, { ...NO_FILTER, q: "nowhere" })).toBe(false);
    expect(passes(one, { ...NO_FILTER, user: "ad" })).toBe(false);
    expect(passes(one, { ...NO_FILTER, user: "ada", url: "/cart", hasErrors: true, status: "live" })).toBe(true);
    expect(passes(one, { ...NO_FILTER, status: "ended" })).toBe(false);
    expect(passes(session("s2"), { ...NO_FILTER, hasErrors: true })).toBe(false);
    expect([undefined, null, 5].map((pinnedAt) => passes(session("s3", { pinnedAt }), { ...NO_FILTER, pinned: true }))).toEqual([
      false,
      false,
      true,
    ]);
  });

  it("VIE-26 survive in the address", () => {
    const filter = { q: "a b", user: "ada", url: "/x?y=1", status: "ended" as const, hasErrors: true, pinned: true };
    expect(readFilter(new URLSearchParams(writeFilter(filter).slice(2)))).toEqual(filter);
    expect(writeFilter(NO_FILTER)).toBe("/");
    expect([isFiltering(NO_FILTER), isFiltering(filter)]).toEqual([false, true]);
    expect(readFilter(new URLSearchParams("status=odd"))).toEqual(NO_FILTER);
  });

  it("VIE-25 what the socket tells replaces what was read, and the newest is first", () => {
    const stored = [session("old", { startedAt: 1 }), session("new", { startedAt: 9 })];
    const told = [session("old", { startedAt: 1, errorCount: 3 }), session("mid", { startedAt: 5 })];
    // The live edge knows no pins: what was read of them stays.
    expect(mergeSessions([session("a", { pinnedAt: 7 })], [session("a")], { ...NO_FILTER, pinned: true })).toHaveLength(1);
    expect(
      mergeSessions([session("a", { pinnedAt: 7 })], [session("a", { pinnedAt: null })], { ...NO_FILTER, pinned: true }),
    ).toEqual([]);
    const merged = mergeSessions(stored, told, NO_FILTER);
    expect(merged.map(({ sessionId, errorCount }) => [sessionId, errorCount])).toEqual([
      ["new", 0],
      ["mid", 0],
      ["old", 3],
    ]);
  });
});
