/** Walks through the events of one tab in order, over batches that arrive and are inflated while it walks. */

import { RRWEB } from "../../protocol/rrweb-event.ts";
import type { BatchCache, CachedBatch } from "./batch-cache.ts";
import { isInteraction, type RrwebEvent } from "./rrweb-events.ts";

/** Batches inflated ahead of the one that is played. */
const AHEAD = 3;

/** An event and the moment at which it counts: its own time, but never before the one of the event before it. */
export interface TimedEvent {
  event: RrwebEvent;
  at: number;
}

export class EventCursor {
  readonly tab: string;
  private readonly cache: BatchCache;
  private readonly onReady: () => void;
  private batch: CachedBatch | null = null;
  private seq: number;
  private index = 0;
  private latest = -Infinity;
  /** Why something of what was taken cannot be shown, as a sentence; null where nothing is missing. */
  problem: string | null = null;

  /**
   * @param fromSeq batch to begin with, usually a checkout
   * @param onReady called when events could not be given before and can be now
   */
  constructor(cache: BatchCache, tab: string, fromSeq: number, onReady: () => void) {
    this.cache = cache;
    this.tab = tab;
    this.seq = fromSeq - 1;
    this.onReady = onReady;
  }

  /** Seq of the batch that is being walked through, or of the last one. */
  get currentSeq(): number {
    return this.seq;
  }

  /** Time of the event that was taken last; -Infinity before the first. */
  get takenAt(): number {
    return this.latest;
  }

  /** The next event, or null where it is not here (yet). */
  peek(): TimedEvent | null {
    const events = this.advance();
    const event = events?.[this.index];
    return event ? { event, at: Math.max(this.latest, event.timestamp) } : null;
  }

  take(): TimedEvent | null {
    const next = this.peek();
    if (!next) return null;
    this.latest = next.at;
    this.index++;
    return next;
  }

  /** Meta and full snapshot, where these are the next two events. */
  peekCheckout(): { meta: RrwebEvent; snapshot: RrwebEvent } | null {
    const events = this.advance();
    const meta = events?.[this.index];
    const snapshot = events?.[this.index + 1];
    return meta?.type === RRWEB.meta && snapshot?.type === RRWEB.fullSnapshot ? { meta, snapshot } : null;
  }

  /**
   * Takes all events up to page time `until`, and at least those up to the first full snapshot, inflating side by side what is needed.
   * @param until Infinity for everything that is here
   */
  async collect(until: number): Promise<TimedEvent[]> {
    const needed = this.cache.run(this.tab, this.seq + 1).filter((batch, index) => index === 0 || batch.firstAt <= until);
    await Promise.all(needed.map((batch) => batch.events()));
    for (const { problem } of needed) this.problem ??= problem;
    const taken: TimedEvent[] = [];
    let hasSnapshot = false;
    for (let next = this.peek(); next && (next.at <= until || !hasSnapshot); next = this.peek()) {
      hasSnapshot ||= next.event.type === RRWEB.fullSnapshot;
      taken.push(next);
      this.take();
    }
    return taken;
  }

  /** The first moment after `at` at which the visitor does something, or which is not known well enough to say so. Infinity: none here. */
  nextInteractionAt(at: number): number {
    const rest = this.batch?.ready?.slice(this.index) ?? [];
    const found = rest.find((event) => event.timestamp > at && isInteraction(event));
    if (found) return found.timestamp;
    for (let batch = this.cache.next(this.tab, this.seq); batch; batch = this.cache.next(this.tab, batch.seq)) {
      if (!batch.ready) {
        void batch.events();
        return Math.max(at, batch.firstAt);
      }
      const event = batch.ready.find((candidate) => candidate.timestamp > at && isInteraction(candidate));
      if (event) return event.timestamp;
    }
    return Infinity;
  }

  /** Time of the newest event that is here without a hole in between. */
  heldUpto(): number {
    const batches = this.cache.run(this.tab, this.seq + 1);
    return Math.max(this.latest, this.batch?.lastAt ?? -Infinity, batches.at(-1)?.lastAt ?? -Infinity);
  }

  /** Goes on to the next batch where this one is used up; null where its events are not ready. */
  private advance(): readonly RrwebEvent[] | null {
    for (;;) {
      const events = this.batch?.ready;
      this.problem ??= this.batch?.problem ?? null;
      if (events && this.index < events.length) return events;
      if (this.batch && !events) return null;
      const next = this.cache.next(this.tab, this.seq);
      if (!next) return null;
      this.batch = next;
      this.seq = next.seq;
      this.index = 0;
      this.inflateAhead(next);
    }
  }

  private inflateAhead(batch: CachedBatch): void {
    if (!batch.ready) void batch.events().then(this.onReady);
    let ahead = this.cache.next(this.tab, batch.seq);
    for (let i = 0; i < AHEAD && ahead; i++) {
      void ahead.events();
      ahead = this.cache.next(this.tab, ahead.seq);
    }
  }
}
