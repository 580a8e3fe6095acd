import { describe, expect, test } from "vitest";
import { createBatcher, type Draft } from "./batcher.ts";
import { createErrorWindow } from "./error-window.ts";

/** Timers that a test moves by hand. */
function createTimers() {
  let tasks: { ms: number; task: () => void }[] = [];
  return {
    after: (ms: number, task: () => void) => {
      const entry = { ms, task };
      tasks.push(entry);
      return () => {
        tasks = tasks.filter((other) => other !== entry);
      };
    },
    waits: () => tasks.map(({ ms }) => ms),
    fire() {
      for (const { task } of tasks.splice(0)) task();
    },
  };
}

function start() {
  const timers = createTimers();
  const drafts: Draft[] = [];
  return { timers, drafts, batcher: createBatcher(timers.after, (draft) => drafts.push(draft)) };
}

const event = (type: number, timestamp: number, text = "") => ({ type, timestamp, data: { text } });
const mark = (at: number) => ({ kind: "custom" as const, at, name: "m" });

describe("batcher", () => {
  test("TRK-10 a batch begins with each checkout and says so; markers alone ride with it", () => {
    const { batcher, drafts } = start();
    batcher.mark(mark(1));
    batcher.add(event(4, 2));
    batcher.add(event(2, 3));
    batcher.add(event(3, 4));
    batcher.add(event(4, 5));
    batcher.add(event(2, 6));
    batcher.cut();
    expect(
      drafts.map(({ checkout, count, firstAt, lastAt, markers }) => [checkout, count, firstAt, lastAt, markers.length]),
    ).toEqual([
      [true, 3, 1, 4, 1],
      [true, 2, 5, 6, 0],
    ]);
    expect(JSON.parse(drafts[1]?.json ?? "")).toEqual([event(4, 5), event(2, 6)]);
  });

  test("TRK-19 is cut after its interval, and at once when a shorter one begins", () => {
    const { batcher, drafts, timers } = start();
    batcher.add(event(3, 1));
    expect(timers.waits()).toEqual([1_000]);
    batcher.setInterval(100);
    expect(drafts).toHaveLength(1);
    batcher.add(event(3, 2));
    expect(timers.waits()).toEqual([100]);
    timers.fire();
    expect([drafts.length, timers.waits()]).toEqual([2, []]);
  });

  test("TRK-24 is cut early at its sizes: characters, events, markers", () => {
    const { batcher, drafts } = start();
    batcher.add(event(3, 1, "x".repeat(300_000)));
    expect(drafts).toHaveLength(1);
    for (let i = 0; i < 200; i++) batcher.mark(mark(i));
    expect(drafts.at(-1)?.markers).toHaveLength(200);
    for (let i = 0; i < 20_000; i++) batcher.add({ type: 3, timestamp: 1, data: {} });
    for (const draft of drafts) expect(draft.count).toBeLessThanOrEqual(20_000);
    batcher.cut();
    expect(drafts.reduce((sum, { count }) => sum + count, 0)).toBe(20_001);
  });

  test("TRK-24 nothing makes no batch", () => {
    const { batcher, drafts } = start();
    batcher.cut();
    expect(drafts).toEqual([]);
  });
});

describe("error window", () => {
  const draft = (at: number, checkout = false, chars = 10): Draft => ({
    firstAt: at,
    lastAt: at,
    count: 1,
    checkout,
    markers: [],
    json: "x".repeat(chars),
  });

  test("TRK-47 what it keeps begins at a checkout at least so long ago, and holds no older generation than that needs", () => {
    const window = createErrorWindow(10_000, 1_000_000);
    for (let at = 0; at <= 120_000; at += 1_000) window.add(draft(at, at % 30_000 === 0));
    const kept = window.release();
    expect(kept[0]).toMatchObject({ firstAt: 90_000, checkout: true });
    for (const [end, first] of [
      [95_000, 60_000],
      [99_000, 60_000],
      [100_000, 90_000],
    ] as const) {
      const again = createErrorWindow(10_000, 1_000_000);
      for (let at = 0; at <= end; at += 1_000) again.add(draft(at, at % 30_000 === 0));
      expect(again.release()[0]?.firstAt).toBe(first);
    }
  });

  test("TRK-47 it is bounded: past the bound the oldest generations go, and a checkout is due in time", () => {
    const window = createErrorWindow(10_000, 1_000);
    window.add(draft(0, true));
    for (let at = 1; at <= 30; at++) window.add(draft(at));
    expect(window.isCheckoutDue()).toBe(true);
    window.add(draft(31, true));
    for (let at = 32; at <= 110; at++) window.add(draft(at));
    expect(window.release()[0]).toMatchObject({ firstAt: 31, checkout: true });
    expect(window.release()).toEqual([]);
  });
});
