/**
 * History of a session, loaded by the checkout index and never whole: one request for each stretch from a checkout to the next, shared by
 * everybody who waits for it, and given up when nobody does.
 */

import type { ViewerBatch } from "../../protocol/batch.ts";
import type { BatchCache } from "./batch-cache.ts";
import type { Checkout, Timeline } from "./timeline.ts";

/** Where stored batches come from; `viewer/net/batches-reader.ts` implements it over HTTP. */
export interface BatchSource {
  /** Batches of one tab in order, from its last checkout at or before `from` to page time `to`. */
  read(range: { tab: string; from: number; to: number }, signal: AbortSignal): AsyncIterable<ViewerBatch>;
}

interface Loading {
  done: Promise<void>;
  abort: AbortController;
  progress: Set<() => void>;
}

/** What a stretch lacked when it was read to its end is not asked for again before this: it may be on its way to the database. */
const ASK_AGAIN_MS = 3_000;
/** Page time past every session's end. */
const FOREVER = 8.64e15;

export class History {
  private readonly loading = new Map<string, Loading>();
  /** When (monotonic) a stretch was last read to its end. */
  private readonly readAt = new Map<string, number>();
  private readonly source: BatchSource;
  private readonly cache: BatchCache;
  private readonly timeline: Timeline;
  private readonly onBytes: (bytes: number) => void;

  constructor(source: BatchSource, cache: BatchCache, timeline: Timeline, onBytes: (bytes: number) => void = () => undefined) {
    this.source = source;
    this.cache = cache;
    this.timeline = timeline;
    this.onBytes = onBytes;
  }

  /**
   * Resolves when a tab can be shown at `at`: everything from the checkout before to a moment after `at` is in the cache.
   * @throws what the source throws, or an AbortError when `signal` aborts
   */
  async ensure(tab: string, at: number, signal: AbortSignal): Promise<void> {
    const checkout = this.timeline.checkoutBefore(tab, at);
    if (!checkout || this.covers(checkout, at)) return;
    const loading = this.load(checkout);
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (this.covers(checkout, at)) finish(resolve);
      };
      const onAbort = (): void => {
        finish(() => {
          reject(signal.reason instanceof Error ? signal.reason : new DOMException("aborted", "AbortError"));
        });
      };
      const finish = (settle: () => void): void => {
        loading.progress.delete(look);
        signal.removeEventListener("abort", onAbort);
        settle();
      };
      loading.progress.add(look);
      signal.addEventListener("abort", onAbort);
      loading.done.then(
        () => {
          finish(resolve);
        },
        (error: unknown) => {
          finish(() => {
            reject(error instanceof Error ? error : new Error("loading failed"));
          });
        },
      );
    });
  }

  /** Starts to load the stretch that begins at `checkout`, where it is not held; failures are left for `ensure` to meet again. */
  prefetch(checkout: Checkout): void {
    if (!this.covers(checkout, FOREVER)) this.load(checkout).done.catch(() => undefined);
  }

  /** Gives up every request whose stretch does not begin at one of `wanted`. */
  abandonExcept(wanted: readonly (Checkout | null)[]): void {
    const keys = new Set(wanted.map((checkout) => (checkout ? keyOf(checkout) : "")));
    for (const [key, loading] of this.loading) {
      if (keys.has(key)) continue;
      // Whoever wants it again, even at once, starts a request of his own.
      this.loading.delete(key);
      loading.abort.abort();
    }
  }

  stop(): void {
    this.abandonExcept([]);
  }

  /** True where a tab can be shown at `at` without loading. */
  isReady(tab: string, at: number): boolean {
    const checkout = this.timeline.checkoutBefore(tab, at);
    return !checkout || this.covers(checkout, at);
  }

  /** True where nothing is missing from `checkout` up to `at`, or up to the next checkout if that comes first. */
  private covers(checkout: Checkout, at: number): boolean {
    const upto = this.cache.knownUpto(checkout.tab, checkout.seq);
    const next = this.timeline.checkoutAfter(checkout);
    const last = next ? next.seq - 1 : Math.max(checkout.seq, this.timeline.page(checkout.tab)?.upto ?? -1);
    if (upto >= last || performance.now() - (this.readAt.get(keyOf(checkout)) ?? -Infinity) < ASK_AGAIN_MS) return true;
    return this.cache.run(checkout.tab, checkout.seq).some((batch) => batch.firstAt > at);
  }

  private load(checkout: Checkout): Loading {
    const key = keyOf(checkout);
    const running = this.loading.get(key);
    if (running) return running;
    const abort = new AbortController();
    const progress = new Set<() => void>();
    const done = this.read(checkout, abort.signal, progress).finally(() => {
      if (this.loading.get(key) === loading) this.loading.delete(key);
    });
    const loading: Loading = { done, abort, progress };
    this.loading.set(key, loading);
    return loading;
  }

  private async read(checkout: Checkout, signal: AbortSignal, progress: Set<() => void>): Promise<void> {
    const next = this.timeline.checkoutAfter(checkout);
    const stopBefore = next?.seq ?? Infinity;
    let after: number | null = null;
    const range = { tab: checkout.tab, from: checkout.at, to: next?.at ?? FOREVER };
    for await (const batch of this.source.read(range, signal)) {
      if (batch.tab !== checkout.tab) continue;
      this.onBytes(batch.payload.length);
      if (batch.seq > stopBefore) break;
      this.cache.add(batch, after ?? Math.min(batch.seq, checkout.seq) - 1);
      this.timeline.noteBatch(batch);
      after = batch.seq;
      for (const look of [...progress]) look();
    }
    // The end of a page that may still send is not known from history: its newest batches may be on their way to the database.
    const page = this.timeline.page(checkout.tab);
    const last = next ? next.seq - 1 : page?.ended ? page.upto : -1;
    this.cache.markKnown(checkout.tab, checkout.seq, Math.max(after ?? -1, last));
    this.readAt.set(keyOf(checkout), performance.now());
  }
}

function keyOf(checkout: Checkout): string {
  return `${checkout.tab}:${checkout.seq}`;
}
