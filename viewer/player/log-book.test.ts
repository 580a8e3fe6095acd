import { describe, expect, it } from "vitest";
import type { ViewerBatch } from "../../protocol/batch.ts";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";
import { BatchCache } from "./batch-cache.ts";
import { LogBook } from "./log-book.ts";
import type { LogEntry } from "./log-entries.ts";
import { LogReader } from "./log-reader.ts";
import { sampleBatch, sampleCheckout } from "./sample-batches.ts";
import { Timeline } from "./timeline.ts";

const state = (at: number, name = "x"): LogEntry => ({ kind: "state", at, area: "state", name, value: "1" });
const stateEvent = (at: number): RrwebEvent => ({
  type: RRWEB.custom,
  timestamp: at,
  data: { tag: "watchback/state", payload: { name: `at ${at}`, value: "1" } },
});

/** A tab of three stretches of two batches each; in every second batch the page tells its state. */
function session(): { timeline: Timeline; batches: ViewerBatch[] } {
  const timeline = new Timeline();
  const batches = [0, 1, 2].flatMap((part) => [
    sampleBatch("a", part * 2, sampleCheckout(part * 10_000)),
    sampleBatch("a", part * 2 + 1, [stateEvent(part * 10_000 + 5_000)]),
  ]);
  const rest = { url: "", title: "", viewport: null, startedAt: 0, endedAt: 25_000 };
  timeline.setTabs([{ tab: "a", tabGroup: "a", lastAt: 25_000, upto: 5, ...rest }]);
  timeline.addCheckouts(batches.filter(({ checkout }) => checkout).map(({ tab, seq, firstAt }) => ({ tab, seq, at: firstAt })));
  return { timeline, batches };
}

describe("the book of entries", () => {
  it("VIE-71 holds each batch once, in order of time, with ids that stay", () => {
    const book = new LogBook();
    book.add("a", 1, [state(30), state(20)]);
    book.add("b", 0, [state(10)]);
    book.add("a", 1, [state(99)]);
    expect(book.all.map(({ at, id }) => [at, id])).toEqual([
      [10, "b:0:0"],
      [20, "a:1:1"],
      [30, "a:1:0"],
    ]);
    expect([book.has("a", 1), book.has("a", 2)]).toEqual([true, false]);
  });

  it("VIE-71 is bounded, and says how many it left out", () => {
    const book = new LogBook(3);
    book.add("a", 0, [state(1), state(2)]);
    book.add("a", 1, [state(3), state(4), state(5)]);
    expect([book.all.length, book.leftOutCount]).toEqual([3, 2]);
  });

  it("VIE-71 knows the stretches that were not read", () => {
    const { timeline } = session();
    const book = new LogBook();
    book.add("a", 2, []);
    book.add("a", 3, []);
    book.add("a", 4, []);
    expect(book.unread(timeline).map(({ from, to }) => [from, to])).toEqual([
      [0, 10_000],
      [20_000, 25_000],
    ]);
  });
});

describe("reading on demand", () => {
  function reader(slow = false) {
    const { timeline, batches } = session();
    const [book, asked] = [new LogBook(), [] as number[]];
    const cache = new BatchCache(undefined, (read, batch) => book.add(batch.tab, batch.seq, read.entries));
    const source = {
      async *read({ from, to }: { tab: string; from: number; to: number }, signal: AbortSignal) {
        asked.push(from);
        for (const batch of batches) {
          if (slow) await new Promise((resolve) => setTimeout(resolve, 2));
          signal.throwIfAborted();
          if (batch.firstAt >= from && batch.firstAt <= to) yield batch;
        }
      },
    };
    let bytes = 0;
    const made = new LogReader({ source, cache, timeline, book, onBytes: (more) => (bytes += more) });
    return { made, book, cache, batches, asked, timeline, bytes: () => bytes };
  }

  it("VIE-72 reads the stretches that are asked for and not known, and keeps nothing but their entries", async () => {
    const { made, book, cache, asked, timeline, bytes } = reader();
    await made.readRange(8_000, 12_000, () => undefined);
    expect(asked).toEqual([0, 10_000]);
    expect(book.all.map(({ at }) => at)).toEqual([5_000, 15_000]);
    await made.readRange(-Infinity, Infinity, () => undefined);
    expect(asked).toEqual([0, 10_000, 20_000]);
    expect(book.unread(timeline)).toEqual([]);
    expect([cache.heldBytes, bytes() > 0, made.isReading]).toEqual([0, true, false]);
  });

  it("VIE-72 asks nobody for what is held, and looks ahead in it", async () => {
    const { made, book, cache, batches, asked } = reader();
    for (const batch of batches.slice(0, 3)) cache.add(batch);
    await made.readHeld("a", 1_000);
    expect(book.all.map(({ at }) => at)).toEqual([5_000]);
    expect([book.has("a", 0), book.has("a", 2)]).toEqual([true, false]);
    await made.readRange(0, 5_000, () => undefined);
    expect(asked).toEqual([]);
  });

  it("VIE-72 stops when it is told to, without a fault", async () => {
    const { made, book } = reader(true);
    const reading = made.readRange(-Infinity, Infinity, () => {
      made.stop();
    });
    await expect(reading).resolves.toBeUndefined();
    expect(book.all).toHaveLength(1);
    expect(made.isReading).toBe(false);
  });
});
