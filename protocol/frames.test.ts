import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cpuMs } from "../test/harness/cpu-time.ts";
import { FrameReader, joinFrames } from "./frames.ts";

/** Pushes `bytes` in pieces that end at the given cuts. */
function readInPieces(bytes: Uint8Array, cuts: readonly number[], maxBytes: number): { messages: number[][]; isWhole: boolean } {
  const reader = new FrameReader(maxBytes);
  const views: Uint8Array[] = [];
  let at = 0;
  for (const cut of [...cuts.filter((cut) => cut <= bytes.length).sort((a, b) => a - b), bytes.length]) {
    views.push(...reader.push(bytes.slice(at, cut)));
    at = cut;
  }
  // Read only now: a view must hold after later pieces came.
  return { messages: views.map((view) => [...view]), isWhole: reader.isWhole };
}

describe("frames in a row", () => {
  it("PRO-15 come out the same whatever the pieces they arrive in", () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 8 });
    fc.assert(
      fc.property(messages, fc.array(fc.nat(8_000), { maxLength: 20 }), (sent, cuts) => {
        const read = readInPieces(joinFrames(sent), cuts, 4_000);
        expect(read).toEqual({ messages: sent.map((message) => [...message]), isWhole: true });
      }),
      { numRuns: 300 },
    );
  });

  it("PRO-15 come out the same from single bytes, and say when one is begun", () => {
    const sent = [new Uint8Array([1, 2, 3]), new Uint8Array(0), new Uint8Array(2_500).fill(9)];
    const bytes = joinFrames(sent);
    const read = readInPieces(
      bytes,
      Array.from({ length: bytes.length }, (_, i) => i),
      2_500,
    );
    expect(read).toEqual({ messages: sent.map((message) => [...message]), isWhole: true });
    for (let end = 1; end < 7; end++) expect(readInPieces(bytes.slice(0, end), [], 2_500).isWhole).toBe(false);
    expect(readInPieces(bytes.slice(0, 7), [], 2_500).isWhole).toBe(true);
  });

  it("PRO-15 copy a spread message once, not once for every piece", () => {
    const bytes = joinFrames([new Uint8Array(8_000_000)]);
    const reader = new FrameReader(8_000_000);
    let count = 0;
    const took = cpuMs(() => {
      for (let at = 0; at < bytes.length; at += 1_000) count += reader.push(bytes.subarray(at, at + 1_000)).length;
    });
    expect(count).toBe(1);
    expect(took).toBeLessThan(1_000);
  });

  it.each([[[]], [[1]], [[2, 3]]])(
    "PRO-16 refuses a message over the limit as soon as its length is known, cut at %j",
    (cuts) => {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, 1_001);
      expect(() => readInPieces(bytes, cuts, 1_000)).toThrow(RangeError);
      new DataView(bytes.buffer).setUint32(0, 1_000);
      expect(readInPieces(bytes, cuts, 1_000)).toEqual({ messages: [], isWhole: false });
    },
  );
});
