import { describe, expect, it } from "vitest";
import { cutEvents, plainAddress } from "./cut-events.ts";
import type { LooseEvent } from "./payload-bytes.ts";

const whole = { fromAt: null, toAt: null };
const meta = (timestamp: number): LooseEvent => ({
  type: 4,
  timestamp,
  data: { href: "https://a.example/b?c=d#e", width: 1, height: 1 },
});
const snapshot = (timestamp: number): LooseEvent => ({ type: 2, timestamp, data: { node: {} } });
const change = (timestamp: number, source = 0): LooseEvent => ({ type: 3, timestamp, data: { source } });
const at = (events: readonly LooseEvent[]) => events.map(({ timestamp }) => timestamp);

describe("without the panels", () => {
  it("SHA-3 only kinds that are known to be the page itself are left", () => {
    const all = Array.from({ length: 12 }, (_, type) => ({ type, timestamp: type, data: { source: 0 } }));
    expect(cutEvents([...all, change(20, 11)], { ...whole, showsPanels: false }).map(({ type }) => type)).toEqual([
      0, 1, 2, 3, 4,
    ]);
    expect(cutEvents(all, { ...whole, showsPanels: true })).toHaveLength(12);
  });

  it("SHA-3 of what changes the page only the sources that are known", () => {
    const changes = [...Array(40).keys(), -1, 0.5].map((source) => change(5, source));
    const left = cutEvents([...changes, { type: 3, timestamp: 5, data: {} }], { ...whole, showsPanels: false });
    expect(left.map(({ data }) => data)).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16].map((source) => ({ source })),
    );
  });

  it("SHA-3 addresses lose their query and fragment, and the events that came are not changed", () => {
    const event = meta(1);
    expect(cutEvents([event], { ...whole, showsPanels: false })[0]?.data).toMatchObject({ href: "https://a.example/b" });
    expect(event.data).toMatchObject({ href: "https://a.example/b?c=d#e" });
    expect(plainAddress("")).toBe("");
  });

  it.each([
    [null],
    ["text"],
    [[]],
    [{ source: "0" }],
    [{ source: 1, positions: "none" }],
    [{ source: 1, positions: [null, 5, {}] }],
  ])("SHA-3 data of any shape does no harm: %j", (data) => {
    expect(() => cutEvents([{ type: 3, timestamp: 1, data }], { fromAt: 0.5, toAt: 2, showsPanels: false })).not.toThrow();
  });
});

describe("a range", () => {
  it("SHA-4 begins with the newest snapshot before it, and what builds on that", () => {
    const events = [
      meta(1),
      snapshot(2),
      change(3),
      meta(10),
      snapshot(11),
      change(12),
      change(13, 2),
      change(14, 1),
      change(21, 2),
    ];
    expect(at(cutEvents(events, { fromAt: 20, toAt: 30, showsPanels: true }))).toEqual([10, 11, 12, 21]);
  });

  it("SHA-4 ends with its last moment, and is empty where nothing is in it", () => {
    const events = [change(5), change(10), change(11)];
    expect(at(cutEvents(events, { fromAt: 0, toAt: 10, showsPanels: true }))).toEqual([5, 10]);
    expect(cutEvents(events, { fromAt: 0, toAt: 4, showsPanels: true })).toEqual([]);
  });

  it("SHA-4 a move holds no place of before", () => {
    const positions = [
      { x: 1, timeOffset: -400 },
      { x: 2, timeOffset: -50 },
    ];
    const [move] = cutEvents([{ type: 3, timestamp: 1_100, data: { source: 1, positions } }], {
      fromAt: 1_000,
      toAt: null,
      showsPanels: true,
    });
    expect(move?.data).toMatchObject({ positions: [{ x: 2 }] });
  });
});
