import { describe, expect, it } from "vitest";
import type { SessionSummary } from "../../protocol/session.ts";
import { sayValue, toValue } from "./session-conditions.ts";
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
    const user = (value: string) => ({ name: "user" as const, value });
    expect(passes(one, { ...NO_FILTER, conditions: [user("ad")] })).toBe(false);
    const cart = { name: "url" as const, value: "/cart" };
    expect(passes(one, { ...NO_FILTER, conditions: [user("ada"), cart], hasErrors: true, status: "live" })).toBe(true);
    expect(passes(one, { ...NO_FILTER, status: "ended" })).toBe(false);
    expect(passes(session("s2"), { ...NO_FILTER, hasErrors: true })).toBe(false);
    expect([undefined, null, 5].map((pinnedAt) => passes(session("s3", { pinnedAt }), { ...NO_FILTER, pinned: true }))).toEqual([
      false,
      false,
      true,
    ]);
  });

  it("VIE-26 survive in the address", () => {
    const conditions = [
      { name: "user" as const, value: "ada" },
      { name: "country" as const, value: "DE" },
      { name: "country" as const, value: "AT" },
      { name: "minActiveMs" as const, value: "90000" },
    ];
    const filter = { q: "a b", status: "ended" as const, hasErrors: true, pinned: true, conditions, sort: "active" as const };
    expect(readFilter(new URLSearchParams(writeFilter(filter).slice(2)))).toEqual(filter);
    expect(writeFilter(NO_FILTER)).toBe("/");
    expect([isFiltering(NO_FILTER), isFiltering(filter)]).toEqual([false, true]);
    expect(readFilter(new URLSearchParams("status=odd"))).toEqual(NO_FILTER);
  });

  it("VIE-26 a condition is there once, and as often as it may be", () => {
    const query = new URLSearchParams("country=DE&country=DE&user=a&user=b&nonsense=1&trait=plan%3Dpro&release=");
    expect(readFilter(query).conditions).toEqual([
      { name: "country", value: "DE" },
      { name: "user", value: "b" },
      { name: "trait", value: "plan=pro" },
    ]);
    expect([toValue("minActiveMs", "1,5"), toValue("page", "ab"), toValue("issue", "7x"), toValue("has", "thrash")]).toEqual([
      "90000",
      null,
      null,
      "thrash",
    ]);
    expect(sayValue({ name: "minActiveMs", value: "90000" })).toBe("1.5 min");
    expect(sayValue({ name: "country", value: "<script>" })).toBe("<script>");
  });

  it("VIE-25 what only the server can tell is not guessed of a session that the socket told of", () => {
    const filter = { ...NO_FILTER, conditions: [{ name: "country" as const, value: "DE" }] };
    const facts = {
      country: "DE",
      region: "",
      browser: "",
      browserVersion: "",
      os: "",
      device: "",
      activeMs: 5,
      pageCount: 1,
      counts: {},
    };
    const merged = mergeSessions([session("a", { facts })], [session("a", { errorCount: 2 }), session("b")], filter);
    expect(
      merged.map(({ sessionId, errorCount, facts: { activeMs } = { activeMs: 0 } }) => [sessionId, errorCount, activeMs]),
    ).toEqual([["a", 2, 5]]);
    const other = mergeSessions([session("old"), session("new", { startedAt: 9 })], [], { ...NO_FILTER, sort: "active" });
    expect(other.map(({ sessionId }) => sessionId)).toEqual(["old", "new"]);
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
