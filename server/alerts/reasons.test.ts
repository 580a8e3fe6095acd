import { describe, expect, it } from "vitest";
import type { AlertRule } from "../../protocol/alert.ts";
import type { IssueNews } from "../digested.ts";
import { createTestClock } from "../../test/harness/clock.ts";
import { createChannelPauses } from "./channel-pauses.ts";
import { type Background, reasonOf } from "./reasons.ts";

const rule = (over: Partial<AlertRule>): AlertRule => ({
  ruleId: 1,
  name: "r",
  isEnabled: true,
  onNew: false,
  onRegression: false,
  onPromoted: false,
  onSpike: false,
  spikeCount: 20,
  spikeFactor: 5,
  levels: [],
  environments: [],
  cooldownMinutes: 60,
  channelIds: [1],
  ...over,
});
const news = (kind: IssueNews["kind"], over: Partial<IssueNews> = {}): IssueNews => ({
  kind,
  projectId: 1,
  issueId: 7,
  shortId: "SHOP-7",
  title: "t",
  culprit: "",
  level: "error",
  errorId: "e",
  sessionId: null,
  at: 0,
  release: "",
  environment: "",
  ...over,
});
const none: Background = { trend: null, environments: new Map() };
const kindOf = (over: Partial<AlertRule>, group: readonly IssueNews[], background = none) =>
  reasonOf(rule(over), group, background)?.kind ?? null;

describe("reasons", () => {
  it("ALR-2 a rule finds what it is switched on for, and of several the strongest", () => {
    const all = [news("regression"), news("new"), news("occurrence"), news("promoted")];
    const rising: Background = { trend: { lastHour: 100, hourlyMean: 1 }, environments: new Map() };
    expect(kindOf({}, all, rising)).toBeNull();
    expect(kindOf({ onNew: true, onRegression: true, onSpike: true, onPromoted: true }, all, rising)).toBe("new");
    expect(kindOf({ onRegression: true, onSpike: true, onPromoted: true }, all, rising)).toBe("regression");
    expect(kindOf({ onSpike: true, onPromoted: true }, all, rising)).toBe("spike");
    expect(kindOf({ onPromoted: true }, all, rising)).toBe("promoted");
    expect(kindOf({ onNew: true, onRegression: true, onPromoted: true }, [news("occurrence")], rising)).toBeNull();
  });

  it("ALR-3 levels and environments are filters", () => {
    const group = [news("new", { level: "warning", environment: "staging" })];
    expect(kindOf({ onNew: true, levels: ["error", "fatal"] }, group)).toBeNull();
    expect(kindOf({ onNew: true, levels: ["warning"] }, group)).toBe("new");
    expect(kindOf({ onNew: true, environments: ["production"] }, group)).toBeNull();
    expect(kindOf({ onNew: true, environments: ["staging"], levels: ["warning"] }, group)).toBe("new");
  });

  it("ALR-3 what first occurs in the rule's environments is new there, once", () => {
    const hit = news("occurrence", { environment: "production" });
    const seen = (count: number): Background => ({ trend: null, environments: new Map([["production", count]]) });
    expect(kindOf({ onNew: true, environments: ["production"] }, [hit, hit], seen(2))).toBe("new");
    expect(kindOf({ onNew: true, environments: ["production"] }, [hit], seen(2))).toBeNull();
    expect(kindOf({ onNew: true, environments: ["production"] }, [hit], seen(0))).toBeNull();
    expect(kindOf({ onNew: true }, [hit], seen(1))).toBeNull();
  });

  it("ALR-4 a spike is many, and many times what is usual", () => {
    const at = (lastHour: number, hourlyMean: number) =>
      kindOf({ onSpike: true }, [news("occurrence")], { ...none, trend: { lastHour, hourlyMean } });
    expect(at(19, 0)).toBeNull();
    expect(at(20, 0)).toBe("spike");
    expect(at(49, 10)).toBeNull();
    expect(at(50, 10)).toBe("spike");
  });

  it("ALR-16 a channel that failed is left alone, twice as long each time, until it works", () => {
    const clock = createTestClock(1_000_000);
    const pauses = createChannelPauses(clock);
    const waits: number[] = [];
    for (let n = 0; n < 9; n++) {
      pauses.failed(1);
      const until = pauses.until(1) ?? 0;
      waits.push((until - clock.now()) / 1_000);
      clock.advance(until - clock.now());
      expect(pauses.until(1)).toBeNull();
    }
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 640, 900, 900]);
    pauses.failed(1);
    expect(pauses.until(2)).toBeNull();
    pauses.worked(1);
    expect(pauses.until(1)).toBeNull();
  });
});
