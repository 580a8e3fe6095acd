import { describe, expect, it } from "vitest";
import { returnFrom } from "../player/loop-range.ts";
import { Loop } from "./loop.svelte.ts";
import { readStart, writeStart } from "./session-start.ts";

describe("the address of a moment", () => {
  it("VIE-78 is exact to the millisecond, and comes back as it was written", () => {
    const query = writeStart({ at: 21_599_123, paused: true, loop: { from: 1_500, to: 9_001 } });
    expect(query).toBe("?t=21599.123&paused=1&loop=1.5-9.001");
    expect(readStart(new URLSearchParams(query))).toEqual({
      t: 21_599.123,
      at: null,
      errorId: null,
      paused: true,
      loop: [1.5, 9.001],
    });
    expect(writeStart({ at: -5, paused: false, loop: { from: 3, to: null } })).toBe("?t=0");
  });

  it("VIE-78 leaves out what is no number", () => {
    for (const query of ["t=x&loop=9-1", "t=&loop=a-b", "t=Infinity&loop=1", "loop=-"]) {
      expect(readStart(new URLSearchParams(query))).toEqual({ t: null, at: null, errorId: null, paused: false, loop: null });
    }
  });
});

describe("a loop", () => {
  it("VIE-79 goes back to its beginning when it is over or was left, and at the end of a session that is shorter", () => {
    const loop = new Loop();
    const returns = (...moments: number[]) => moments.map((at) => returnFrom(loop.range, at, Infinity));
    expect(returns(10)).toEqual([null]);
    loop.mark("from", 5_000, 0);
    expect(returns(99_000)).toEqual([null]);
    loop.mark("to", 8_000, 0);
    expect(returns(6_000, 7_999, 8_000, 9_000, 100)).toEqual([null, null, 5_000, 5_000, 5_000]);
    expect([6_999, 7_000].map((at) => returnFrom(loop.range, at, 7_000))).toEqual([null, 5_000]);
    loop.clear();
    expect(returns(9_000)).toEqual([null]);
  });

  it("VIE-79 is never so short that it flickers, nor before the session", () => {
    const loop = new Loop();
    loop.mark("from", 5_000, 0);
    loop.mark("to", 5_100, 0);
    expect(loop.range).toEqual({ from: 4_600, to: 5_100 });
    loop.mark("from", 6_000, 0);
    expect(loop.range).toEqual({ from: 6_000, to: null });
    loop.clear();
    loop.mark("to", 100, 0);
    expect(loop.range).toEqual({ from: 0, to: 100 });
  });
});
