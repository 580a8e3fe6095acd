import { describe, expect, it } from "vitest";
import { fromGigabytes, fromPercent, toGigabytes, toLines, toList, toPercent } from "./lists.ts";
import { dayEnd, dayStart, formatDay, formatUntil, toDateField } from "./moments.ts";

const HOUR_MS = 3_600_000;

describe("what people write into fields", () => {
  it("VIE-56 are lists by lines and commas, without what is empty or there twice", () => {
    expect(toList(" https://a.example \n\n https://b.example, https://a.example ,")).toEqual([
      "https://a.example",
      "https://b.example",
    ]);
    expect(toList("")).toEqual([]);
    expect(toList(toLines(["a", "b"]))).toEqual(["a", "b"]);
  });

  it("VIE-56 are shares in percent, and sizes in GB, that come back as they were", () => {
    for (const share of [0, 0.001, 0.1, 0.29, 0.57, 1]) expect(fromPercent(toPercent(share))).toBe(share);
    expect([fromPercent(null), fromPercent(undefined), toPercent(0.29)]).toEqual([1, 1, 29]);
    expect([toGigabytes(null), fromGigabytes(null), fromGigabytes(undefined)]).toEqual([null, null, null]);
    expect([fromGigabytes(2), toGigabytes(2 * 1024 ** 3), fromGigabytes(0.5)]).toEqual([2 * 1024 ** 3, 2, 512 * 1024 ** 2]);
  });

  it("VIE-56 are days, whole ones, by the reader's clock", () => {
    const start = dayStart("2026-03-01") ?? 0;
    expect(new Date(start).getHours()).toBe(0);
    expect(toDateField(start)).toBe("2026-03-01");
    expect(dayEnd("2026-02-28")).toBe(start);
    expect([dayStart(""), dayEnd("yesterday"), dayStart("2026-3-1")]).toEqual([null, null, null]);
    expect(formatDay("odd")).toBe("odd");
    expect(formatDay("2026-11-21")).toContain("21");
  });

  it("VIE-56 say when something expires", () => {
    const said = [-1, 30_000, 5 * 60_000, 5 * HOUR_MS, 49 * HOUR_MS].map((at) => formatUntil(at, 0));
    expect(said).toEqual(["expired", "within a minute", "in 5 min", "in 5 h", "in 2 d"]);
  });
});
