/**
 * Reads what a session's events say besides the page, where playback has not been: stretch by stretch, out of what is held or over the
 * network, and nothing of it is kept but the entries. Only as far as it is asked to, and until it is told to stop.
 */

import type { BatchCache } from "./batch-cache.ts";
import type { BatchSource } from "./history.ts";
import { readBatchEntries } from "./inflate.ts";
import type { LogBook, UnreadStretch } from "./log-book.ts";
import type { Timeline } from "./timeline.ts";

/** The screen gets its turn after this much reading. */
const TURN_MS = 8;

/** What a reader needs. */
export interface LogReaderDeps {
  source: BatchSource;
  cache: BatchCache;
  timeline: Timeline;
  book: LogBook;
  /** Told of bytes that came over the network. */
  onBytes: (bytes: number) => void;
}

export class LogReader {
  private readonly deps: LogReaderDeps;
  private abort: AbortController | null = null;
  private turnAt = 0;

  constructor(deps: LogReaderDeps) {
    this.deps = deps;
  }

  /** True while something is being read. */
  get isReading(): boolean {
    return this.abort !== null;
  }

  /** Inflates what is held already of the stretch at `at`, so that its entries are known ahead of the playhead. Loads nothing. */
  async readHeld(tab: string, at: number): Promise<void> {
    const { timeline, cache, book } = this.deps;
    const checkout = timeline.checkoutBefore(tab, at);
    if (!checkout) return;
    const next = timeline.checkoutAfter(checkout);
    for (const batch of cache.run(tab, checkout.seq)) {
      if (next && batch.seq >= next.seq) break;
      if (book.has(tab, batch.seq)) continue;
      await batch.events();
      await this.giveTurn();
    }
    if (next && cache.knownUpto(tab, checkout.seq) >= next.seq - 1) book.markRead(tab, checkout.seq, next.seq - 1);
  }

  /**
   * Reads every stretch that begins in [from, to) and is not known; a second call ends the first.
   * @throws what the source throws
   */
  async readRange(from: number, to: number, onProgress: () => void): Promise<void> {
    this.stop();
    const abort = new AbortController();
    this.abort = abort;
    try {
      for (const stretch of this.deps.book.unread(this.deps.timeline)) {
        if (stretch.to <= from || stretch.from >= to) continue;
        await this.readStretch(stretch, abort.signal);
        if (abort.signal.aborted) return;
        onProgress();
      }
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    } finally {
      if (this.abort === abort) this.abort = null;
    }
  }

  stop(): void {
    this.abort?.abort();
    this.abort = null;
  }

  private async readStretch({ checkout, to }: UnreadStretch, signal: AbortSignal): Promise<void> {
    const { source, cache, timeline, book, onBytes } = this.deps;
    const { tab } = checkout;
    const next = timeline.checkoutAfter(checkout);
    const last = next ? next.seq - 1 : (timeline.page(tab)?.upto ?? checkout.seq);
    if (cache.knownUpto(tab, checkout.seq) >= last) {
      await this.readHeld(tab, checkout.at);
      book.markRead(tab, checkout.seq, last);
      return;
    }
    for await (const batch of source.read({ tab, from: checkout.at, to }, signal)) {
      if (batch.tab !== tab || batch.seq < checkout.seq) continue;
      if (batch.seq > last) break;
      onBytes(batch.payload.length);
      if (book.has(tab, batch.seq)) continue;
      book.add(tab, batch.seq, await readBatchEntries(batch));
      await this.giveTurn();
    }
    book.markRead(tab, checkout.seq, last);
  }

  private async giveTurn(): Promise<void> {
    if (performance.now() - this.turnAt < TURN_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.turnAt = performance.now();
  }
}
