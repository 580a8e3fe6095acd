import { describe, expect, it } from "vitest";
import { BatchCache } from "./batch-cache.ts";
import { sampleBatch, sampleCheckout, sampleScroll } from "./sample-batches.ts";

/** A batch of about 100 bytes: a checkout where `seq` is a multiple of ten. */
function batch(seq: number, tab = "a") {
  return sampleBatch(tab, seq, seq % 10 === 0 ? sampleCheckout(seq * 1_000) : [sampleScroll(seq * 1_000)]);
}

describe("the batch cache", () => {
  it("VIE-4 holds each batch once and in order, whatever order they come in", () => {
    const cache = new BatchCache();
    for (const seq of [2, 0, 1, 2, 0]) cache.add(batch(seq));
    expect(cache.run("a", 0).map((held) => held.seq)).toEqual([0, 1, 2]);
    expect(cache.heldBytes).toBe([0, 1, 2].reduce((sum, seq) => sum + batch(seq).rawBytes, 0));
  });

  it("VIE-5 stops at a hole until it is filled or known to be a gap", () => {
    const cache = new BatchCache();
    for (const seq of [0, 1, 4]) cache.add(batch(seq));
    expect(cache.next("a", 1)).toBeNull();
    expect(cache.run("a", 0)).toHaveLength(2);
    cache.markKnown("a", 2, 3);
    expect(cache.next("a", 1)?.seq).toBe(4);
    expect(cache.knownUpto("a", 0)).toBe(4);
  });

  it("VIE-5 takes what a stream leaves out as a gap", () => {
    const cache = new BatchCache();
    cache.add(batch(0));
    cache.add(batch(5), 0);
    expect(cache.run("a", 0).map((held) => held.seq)).toEqual([0, 5]);
  });

  it("VIE-6 drops whole stretches, the longest unused first, and never what is needed", () => {
    const cache = new BatchCache(1_500);
    for (let seq = 0; seq < 40; seq++) cache.add(batch(seq));
    cache.run("a", 0);
    cache.trim((held) => held.seq >= 30);
    expect(cache.heldBytes).toBeLessThanOrEqual(1_500 + 10 * batch(1).rawBytes);
    expect(cache.knownUpto("a", 30)).toBe(39);
    const kept = [0, 10, 20].filter((seq) => cache.knownUpto("a", seq) >= seq);
    for (const seq of kept) expect(cache.knownUpto("a", seq)).toBeGreaterThanOrEqual(seq + 9);
    expect(kept.length).toBeLessThan(3);
  });

  it("VIE-7 gives no events for a payload that cannot be read, and inflates each only once", async () => {
    const cache = new BatchCache();
    const good = cache.add(batch(0));
    const bad = cache.add({ ...batch(1), encoding: "deflate-raw", payload: new Uint8Array([1, 2, 3]) });
    expect(good.ready).toBeNull();
    expect(await good.events()).toHaveLength(2);
    expect(await good.events()).toBe(good.ready);
    expect(await bad.events()).toEqual([]);
  });
});
