import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createOutbox, type Outbox } from "./outbox.ts";
import { createSender, WINDOW_AFTER_PAUSE_BYTES, WINDOW_BYTES, type Way } from "./sender.ts";

function batch(bytes: number, checkout = false) {
  return {
    tab: "t",
    firstAt: 0,
    lastAt: 0,
    count: 1,
    checkout,
    encoding: "json" as const,
    rawBytes: bytes,
    markers: [],
    payload: new Uint8Array(bytes),
  };
}

function seqs(outbox: Outbox): number[] {
  return outbox.entries.map((entry) => entry.batch.seq);
}

/** A server that loses what it is told to, and otherwise keeps order as the real one does. */
function createServer() {
  const got = new Map<number, number>();
  const gaps: [number, number][] = [];
  const way: Way = {
    batch: (entry) => got.set(entry.batch.seq, (got.get(entry.batch.seq) ?? 0) + 1),
    gap: ({ fromSeq, toSeq }) => gaps.push([fromSeq, toSeq]),
  };
  return { got, gaps, way };
}

describe("outbox", () => {
  test("TRK-22 gives seqs from 0 and forgets what is durable", () => {
    const outbox = createOutbox(1_000);
    for (let i = 0; i < 4; i++) outbox.add(batch(10));
    outbox.ack(1);
    expect([seqs(outbox), outbox.nextSeq]).toEqual([[2, 3], 4]);
  });

  test("TRK-22 over its bound the oldest go, up to the next checkout", () => {
    const outbox = createOutbox(100);
    outbox.add(batch(40, true));
    outbox.add(batch(40));
    outbox.add(batch(10, true));
    expect(outbox.add(batch(20))).toBe(true);
    expect(seqs(outbox)).toEqual([2, 3]);
  });

  test("TRK-22 where no checkout is left it says so, and the newest stays whatever its size", () => {
    const outbox = createOutbox(100);
    outbox.add(batch(60, true));
    expect(outbox.add(batch(500))).toBe(false);
    expect(seqs(outbox)).toEqual([1]);
  });

  test("TRK-22 holds at most its bound, with seqs rising, whatever comes", () => {
    const steps = fc.array(fc.oneof(fc.record({ bytes: fc.nat(80), checkout: fc.boolean() }), fc.record({ upto: fc.nat(40) })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (all) => {
        const outbox = createOutbox(100);
        for (const step of all) {
          if ("upto" in step) outbox.ack(Math.min(step.upto, outbox.nextSeq - 1));
          else outbox.add(batch(step.bytes, step.checkout));
          const bytes = outbox.entries.reduce((sum, entry) => sum + entry.bytes, 0);
          expect(bytes).toBeLessThanOrEqual(100);
          expect(seqs(outbox)).toEqual([...seqs(outbox)].sort((a, b) => a - b));
        }
      }),
    );
  });
});

describe("sender", () => {
  test("TRK-23 sends in order, and a dropped range as one gap before the next batch", () => {
    const outbox = createOutbox(100);
    const sender = createSender(
      outbox,
      () => "t",
      () => 0,
    );
    const { got, gaps, way } = createServer();
    outbox.add(batch(60, true));
    outbox.add(batch(30));
    outbox.add(batch(50, true));
    sender.pump(way);
    expect([[...got.keys()], gaps]).toEqual([[2], [[0, 1]]]);
  });

  test("TRK-23 a batch that can never be sent is a gap, even with nothing behind it", () => {
    const outbox = createOutbox(100);
    const sender = createSender(
      outbox,
      () => "t",
      () => 0,
    );
    const { gaps, way } = createServer();
    outbox.skip();
    sender.pump(way);
    sender.pump(way);
    expect(gaps).toEqual([[0, 0]]);
  });

  test("TRK-23 keeps the window: one batch always goes, more only while they fit", () => {
    const outbox = createOutbox(Infinity);
    const sender = createSender(
      outbox,
      () => "t",
      () => 0,
    );
    const { got, way } = createServer();
    for (let i = 0; i < 3; i++) outbox.add(batch(WINDOW_BYTES * 0.6));
    sender.pump(way);
    expect([...got.keys()]).toEqual([0]);
    sender.acked(0);
    sender.pump(way);
    expect([...got.keys()]).toEqual([0, 1]);
  });

  test("TRK-23 a pause is kept, and then it goes on from where the server asked", () => {
    let now = 0;
    const outbox = createOutbox(Infinity);
    const sender = createSender(
      outbox,
      () => "t",
      () => now,
    );
    const { got, way } = createServer();
    for (let i = 0; i < 3; i++) outbox.add(batch(1));
    sender.pump(way);
    sender.rewind(1, 1_000);
    sender.pump(way);
    expect(got.get(1)).toBe(1);
    now = 1_000;
    sender.pump(way);
    expect([got.get(0), got.get(1), got.get(2)]).toEqual([1, 2, 2]);
  });

  test("TRK-23 comes back slowly after a pause, and doubles what is under way with each acknowledgement", () => {
    const outbox = createOutbox(Infinity);
    const sender = createSender(
      outbox,
      () => "t",
      () => 0,
    );
    const { got, way } = createServer();
    for (let i = 0; i < 12; i++) outbox.add(batch(WINDOW_AFTER_PAUSE_BYTES / 2));
    sender.rewind(0, 1);
    sender.resume(-1); // the pause is over
    sender.pump(way);
    expect([...got.keys()]).toEqual([0, 1]);
    sender.acked(0);
    sender.pump(way);
    expect([...got.keys()]).toEqual([0, 1, 2, 3, 4]);
    sender.acked(1);
    sender.pump(way);
    expect([...got.keys()]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("TRK-12 after a new connection it goes on behind what was received; where all was, the newest goes again", () => {
    const outbox = createOutbox(Infinity);
    const sender = createSender(
      outbox,
      () => "t",
      () => 0,
    );
    for (let i = 0; i < 3; i++) outbox.add(batch(1));
    sender.resume(0);
    const first = createServer();
    sender.pump(first.way);
    expect([...first.got.keys()]).toEqual([1, 2]);
    sender.resume(2);
    const second = createServer();
    sender.pump(second.way);
    expect([...second.got.keys()]).toEqual([2]);
  });

  test("TRK-16 the tail goes in order as far as it fits; without a later chance, the newest go behind a gap", () => {
    for (const isLast of [false, true]) {
      const outbox = createOutbox(Infinity);
      const sender = createSender(
        outbox,
        () => "t",
        () => 0,
      );
      const { got, gaps, way } = createServer();
      for (let i = 0; i < 4; i++) outbox.add(batch(10_000));
      sender.pumpTail(way, 25_000, isLast);
      expect([[...got.keys()], gaps]).toEqual(isLast ? [[2, 3], [[0, 1]]] : [[0, 1], []]);
    }
  });
});
