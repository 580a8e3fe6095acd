import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_HELD_BYTES, MAX_HELD_COUNT, SeqOrder } from "./seq-order.ts";

interface Batch {
  seq: number;
  payload: Uint8Array;
}

const batchOf = (seq: number, bytes = 10): Batch => ({ seq, payload: new Uint8Array(bytes) });

/** Lets go what is in order, and notes it: seqs, and gaps as `from-to`. */
function goOn(order: SeqOrder<Batch>, log: (number | string)[]): void {
  for (let released = order.release(); released; released = order.release()) {
    if (released.kind === "gap") log.push(`${released.gap.fromSeq}-${released.gap.toSeq}`);
    else {
      log.push(released.batch.seq);
      order.pass();
    }
  }
}

/** Offers a batch as intake does. */
function offer(order: SeqOrder<Batch>, seq: number, log: (number | string)[]): void {
  if (seq < order.next) return;
  if (seq === order.next) {
    log.push(seq);
    order.pass();
  } else order.hold(batchOf(seq));
  goOn(order, log);
}

describe("SeqOrder", () => {
  it("ING-6 gives every batch once and in order, whatever the order and the repeats in which they come", () => {
    const arrivals = fc
      .integer({ min: 1, max: 40 })
      .chain((count) =>
        fc.tuple(
          fc.constant(count),
          fc.shuffledSubarray([...Array(count).keys()], { minLength: count }),
          fc.array(fc.nat({ max: count - 1 })),
        ),
      );
    fc.assert(
      fc.property(arrivals, ([count, shuffled, repeats]) => {
        const order = new SeqOrder<Batch>(0);
        const log: (number | string)[] = [];
        shuffled.forEach((seq, i) => {
          offer(order, seq, log);
          const repeat = repeats[i];
          if (repeat !== undefined && shuffled.indexOf(repeat) <= i) offer(order, repeat, log);
        });
        expect(log).toEqual([...Array(count).keys()]);
        expect(order.isHolding).toBe(false);
        expect(order.heldBytes).toBe(0);
      }),
    );
  });

  it("ING-8 covers every seq up to the newest with a batch or a gap, never both, when holes are given up or declared", () => {
    const action = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant("batch"), a: fc.nat({ max: 60 }), b: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("gap"), a: fc.nat({ max: 60 }), b: fc.nat({ max: 10 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("giveUp"), a: fc.constant(0), b: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const order = new SeqOrder<Batch>(0);
        const log: (number | string)[] = [];
        for (const { kind, a, b } of actions) {
          if (kind === "batch") offer(order, a, log);
          else if (kind === "gap") {
            order.holdGap({ fromSeq: a, toSeq: a + b });
            goOn(order, log);
          } else {
            const gap = order.giveUp();
            if (gap) log.push(`${gap.fromSeq}-${gap.toSeq}`);
            goOn(order, log);
          }
        }
        let next = 0;
        for (const entry of log) {
          const [from, to] = typeof entry === "number" ? [entry, entry] : entry.split("-").map(Number);
          expect(from).toBe(next);
          expect(to).toBeGreaterThanOrEqual(from ?? 0);
          next = (to ?? 0) + 1;
        }
        expect(order.next).toBe(next);
      }),
    );
  });

  it("ING-7 holds a bounded number of batches and bytes", () => {
    const order = new SeqOrder<Batch>(0);
    for (let seq = 1; seq <= MAX_HELD_COUNT; seq++) expect(order.hold(batchOf(seq))).toBe(true);
    expect(order.hold(batchOf(MAX_HELD_COUNT + 1))).toBe(false);
    const large = new SeqOrder<Batch>(0);
    expect(large.hold(batchOf(1, MAX_HELD_BYTES))).toBe(true);
    expect(large.hold(batchOf(2, 1))).toBe(false);
    large.drop();
    expect(large.hold(batchOf(2, 1))).toBe(true);
    expect(large.heldBytes).toBe(1);
  });
});
