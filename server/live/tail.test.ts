import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rowOf } from "../../test/harness/live-room.ts";
import { MAX_TAB_TAIL_BYTES, TabTail, type TailBudget } from "./tail.ts";

describe("TabTail", () => {
  it("LIV-28 keeps what is not durable, and what came since the newest checkout", () => {
    const budget: TailBudget = { bytes: 0 };
    const tail = new TabTail("a", -1, budget);
    for (let seq = 0; seq < 6; seq++) tail.push(rowOf("a", seq, { checkout: seq === 0 }));
    tail.committed(3);
    expect(tail.first).toBe(0);
    tail.push(rowOf("a", 6, { checkout: true }));
    expect(tail.first).toBe(4);
    tail.committed(6);
    expect(tail.first).toBe(6);
    expect(tail.newestCheckout).toBe(6);
    expect(tail.checkoutBefore(rowOf("a", 6).firstAt)).toBe(6);
    expect(tail.checkoutBefore(0)).toBe(-1);
    tail.clear();
    expect(budget.bytes).toBe(0);
  });

  it("LIV-28 lets go of what is durable when it has grown too large, until the next checkout", () => {
    const tail = new TabTail("a", -1, { bytes: 0 });
    const payload = new Uint8Array(MAX_TAB_TAIL_BYTES / 4);
    for (let seq = 0; seq < 5; seq++) {
      tail.push(rowOf("a", seq, { payload }));
      tail.committed(seq - 1);
    }
    expect(tail.first).toBe(4);
    tail.committed(4);
    expect(tail.first).toBe(5);
    tail.push(rowOf("a", 5, { checkout: true }));
    tail.committed(5);
    expect(tail.first).toBe(5);
  });

  it("LIV-28 never lets go of a batch that is not durable, and accounts for every byte", () => {
    const step = fc.record({
      kind: fc.constantFrom("push", "push", "checkout", "commit", "letGo", "skip"),
      n: fc.nat({ max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const budget: TailBudget = { bytes: 0 };
        const tail = new TabTail("a", -1, budget);
        const waiting = new Set<number>();
        for (const { kind, n } of steps) {
          if (kind === "push" || kind === "checkout") {
            waiting.add(tail.newest + 1);
            tail.push(rowOf("a", tail.newest + 1, { checkout: kind === "checkout" }));
          } else if (kind === "commit") {
            const upto = tail.newest - n;
            tail.committed(upto);
            for (const seq of waiting) if (seq <= upto) waiting.delete(seq);
          } else if (kind === "letGo") tail.letGo();
          else tail.skipTo(tail.newest + n);
          for (const seq of waiting) expect(tail.at(seq)?.seq).toBe(seq);
          const first = tail.at(0);
          expect(tail.first).toBe(first ? first.seq : tail.newest + 1);
          expect(budget.bytes === 0).toBe(!first);
        }
      }),
    );
  });
});
