import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SeqRanges } from "./seq-ranges.ts";

describe("known seqs", () => {
  it("VIE-4 are the same as a set of numbers, whatever is added and removed", () => {
    const step = fc.record({ adds: fc.boolean(), from: fc.nat(40), length: fc.nat(12) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const ranges = new SeqRanges();
        const model = new Set<number>();
        for (const { adds, from, length } of steps) {
          if (adds) ranges.add(from, from + length);
          else ranges.remove(from, from + length);
          for (let seq = from; seq <= from + length; seq++)
            if (adds) model.add(seq);
            else model.delete(seq);
        }
        for (let seq = 0; seq <= 60; seq++) {
          let upto = seq - 1;
          while (model.has(upto + 1)) upto++;
          expect(ranges.knownUpto(seq)).toBe(upto);
        }
      }),
    );
  });

  it("VIE-4 melt together where they touch", () => {
    const ranges = new SeqRanges();
    ranges.add(0, 3);
    ranges.add(8, 9);
    ranges.add(4, 7);
    expect(ranges.list).toEqual([{ from: 0, to: 9 }]);
  });
});
