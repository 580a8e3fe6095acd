import { describe, expect, it } from "vitest";
import type { ViewerBatch } from "../../protocol/batch.ts";
import { BatchCache } from "./batch-cache.ts";
import { History, type BatchSource } from "./history.ts";
import { sampleBatch, sampleCheckout, sampleScroll } from "./sample-batches.ts";
import { Timeline } from "./timeline.ts";

const TAB = "a";
/** A minute of one batch a second, with a checkout every ten; batch 23 is missing. */
const STORED = Array.from({ length: 60 }, (_, seq) =>
  sampleBatch(TAB, seq, seq % 10 === 0 ? sampleCheckout(seq * 1_000) : [sampleScroll(seq * 1_000)]),
).filter((batch) => batch.seq !== 23);

interface Request {
  from: number;
  to: number;
  signal: AbortSignal;
}

/** Answers as the server does; `hold` keeps the stream from going on past a seq. */
function source(requests: Request[], hold: { pastSeq: number; until: Promise<void> } | null = null): BatchSource {
  return {
    async *read({ tab, from, to }, signal): AsyncGenerator<ViewerBatch> {
      requests.push({ from, to, signal });
      const start = STORED.findLast((batch) => batch.checkout && batch.firstAt <= from)?.seq ?? 0;
      for (const batch of STORED) {
        if (batch.tab !== tab || batch.seq < start || batch.firstAt > to) continue;
        if (hold && batch.seq > hold.pastSeq) await hold.until;
        signal.throwIfAborted();
        yield batch;
      }
    },
  };
}

function setUp(hold: Parameters<typeof source>[1] = null) {
  const requests: Request[] = [];
  const timeline = new Timeline();
  const lastAt = 59_000;
  timeline.setTabs([
    { tab: TAB, tabGroup: TAB, url: "", title: "", viewport: null, startedAt: 0, lastAt, endedAt: lastAt, upto: 59 },
  ]);
  timeline.addCheckouts(STORED.filter((batch) => batch.checkout).map(({ tab, seq, firstAt }) => ({ tab, seq, at: firstAt })));
  const cache = new BatchCache();
  return { requests, cache, timeline, history: new History(source(requests, hold), cache, timeline) };
}

function createGate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

const never = new AbortController().signal;

describe("history", () => {
  it("VIE-9 loads from the checkout before a moment to the next one, and nothing else", async () => {
    const { history, cache, requests } = setUp();
    await history.ensure(TAB, 34_500, never);
    await history.ensure(TAB, 39_000, never);
    expect(requests.map(({ from, to }) => [from, to])).toEqual([[30_000, 40_000]]);
    expect(cache.knownUpto(TAB, 30)).toBeGreaterThanOrEqual(35);
    expect(cache.knownUpto(TAB, 29)).toBe(28);
  });

  it("VIE-9 shows a moment as soon as what leads to it is there, while the rest still comes", async () => {
    const gate = createGate();
    const { history } = setUp({ pastSeq: 36, until: gate.opened });
    await history.ensure(TAB, 34_500, never);
    expect(history.isReady(TAB, 34_500)).toBe(true);
    expect(history.isReady(TAB, 38_500)).toBe(false);
    gate.open();
    await history.ensure(TAB, 38_500, never);
  });

  it("VIE-5 takes a hole in what is stored as a gap, and plays on behind it", async () => {
    const { history, cache } = setUp();
    await history.ensure(TAB, 29_000, never);
    expect(cache.run(TAB, 20).map((batch) => batch.seq)).toEqual([20, 21, 22, 24, 25, 26, 27, 28, 29]);
  });

  it("VIE-9 shares one request among those who wait, and gives up what nobody wants any more", async () => {
    const gate = createGate();
    const { history, requests, timeline } = setUp({ pastSeq: 11, until: gate.opened });
    const first = new AbortController();
    const waits = [history.ensure(TAB, 15_000, first.signal), history.ensure(TAB, 16_000, first.signal)];
    expect(requests).toHaveLength(1);
    first.abort();
    const refused = await Promise.allSettled(waits);
    expect(refused.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    history.abandonExcept([timeline.checkoutBefore(TAB, 50_000)]);
    expect(requests[0]?.signal.aborted).toBe(true);
    gate.open();
    await history.ensure(TAB, 15_000, never);
    expect(requests).toHaveLength(2);
  });

  it("VIE-9 does not ask again and again for what is not stored yet", async () => {
    const { history, timeline, requests } = setUp();
    const tab = { tab: TAB, tabGroup: TAB, url: "", title: "", viewport: null, startedAt: 0, lastAt: 70_000 };
    timeline.setTabs([{ ...tab, endedAt: null, upto: 70 }]);
    await history.ensure(TAB, 69_000, never);
    expect(history.isReady(TAB, 69_000)).toBe(true);
    await history.ensure(TAB, 69_500, never);
    expect(requests).toHaveLength(1);
  });

  it("VIE-9 passes on what loading failed with, and tries again the next time", async () => {
    const { cache, timeline } = setUp();
    let tries = 0;
    const failing: BatchSource = {
      async *read(range, signal) {
        if (tries++ === 0) throw new Error("no way through");
        yield* source([]).read(range, signal);
      },
    };
    const history = new History(failing, cache, timeline);
    await expect(history.ensure(TAB, 5_000, never)).rejects.toThrow("no way through");
    await history.ensure(TAB, 5_000, never);
    expect(history.isReady(TAB, 5_000)).toBe(true);
  });
});
