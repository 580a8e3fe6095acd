/**
 * How much happens when: events counted by the server for the whole session, and, where batches have been read, what the visitor himself
 * did. From both come the bars above the timeline and the stretches in which he did nothing.
 */

import { isInteraction, type RrwebEvent } from "./rrweb-events.ts";

/** Counts of equal spans of page time. */
export interface ActivityCounts {
  from: number;
  spanMs: number;
  counts: readonly number[];
}

/** A stretch of page time. */
export interface Stretch {
  from: number;
  to: number;
}

/** Only stretches of at least this length are called idle. */
export const MIN_IDLE_MS = 5_000;
/** What was read is kept by seconds, a day of them at most. */
const SPAN_MS = 1_000;
const MAX_SPANS = 86_400;

export class Activity {
  /** Second -> events and interactions in it; only seconds of batches that were read are in here. */
  private readonly seconds = new Map<number, { events: number; acts: number }>();
  private told: ActivityCounts | null = null;
  /** Rises with every change. */
  version = 0;

  /** Takes what the server counted. */
  setCounts(counts: ActivityCounts): void {
    this.told = counts;
    this.version++;
  }

  /** Takes the events of a batch that was read for the first time; `firstAt` to `lastAt` is known from now on. */
  note(batch: Stretch, events: readonly RrwebEvent[]): void {
    const first = Math.floor(batch.from / SPAN_MS);
    const last = Math.min(Math.floor(batch.to / SPAN_MS), first + MAX_SPANS);
    if (this.seconds.size + (last - first) > MAX_SPANS) return;
    for (let second = first; second <= last; second++) this.at(second);
    for (const event of events) {
      const span = this.at(Math.min(last, Math.max(first, Math.floor(event.timestamp / SPAN_MS))));
      span.events++;
      if (isInteraction(event)) span.acts++;
    }
    this.version++;
  }

  /** Events in `count` equal parts of [from, to), each 0 to 1 of the most; the square root, so that little is seen beside much. */
  bars(from: number, to: number, count: number): number[] {
    const sums = new Array<number>(count).fill(0);
    const width = Math.max(1, to - from) / count;
    const add = (at: number, events: number): void => {
      const index = Math.floor((at - from) / width);
      if (index >= 0 && index < count) sums[index] = (sums[index] ?? 0) + events;
    };
    const told = this.told;
    const toldTo = told ? told.from + told.counts.length * told.spanMs : -Infinity;
    told?.counts.forEach((events, index) => {
      this.spread(told.from + index * told.spanMs, told.spanMs, events, width, add);
    });
    for (const [second, { events }] of this.seconds) if (second * SPAN_MS >= toldTo) add(second * SPAN_MS, events);
    const most = Math.max(1, ...sums);
    return sums.map((sum) => Math.sqrt(sum / most));
  }

  /** Where the visitor did nothing for {@link MIN_IDLE_MS} and more: nothing at all was recorded, or nothing of what was read is his. */
  idle(from: number, to: number): Stretch[] {
    const busy: number[] = [];
    for (const [second, { acts }] of this.seconds) if (acts > 0) busy.push(second * SPAN_MS);
    const told = this.told;
    const toldTo = told ? told.from + told.counts.length * told.spanMs : -Infinity;
    told?.counts.forEach((events, index) => {
      if (events === 0) return;
      const start = told.from + index * told.spanMs;
      for (let at = start; at < start + told.spanMs; at += SPAN_MS)
        if (!this.seconds.has(Math.floor(at / SPAN_MS))) busy.push(at);
    });
    busy.sort((a, b) => a - b);
    const stretches: Stretch[] = [];
    let since = from;
    for (const at of [...busy, to]) {
      if (at - since >= MIN_IDLE_MS && this.isKnown(since, at, toldTo)) stretches.push({ from: since, to: Math.min(at, to) });
      since = Math.max(since, at + SPAN_MS);
    }
    return stretches;
  }

  /** Nothing is said of times of which nothing is known. */
  private isKnown(from: number, to: number, toldTo: number): boolean {
    if (to <= toldTo) return true;
    const middle = Math.floor((Math.max(from, toldTo) + to) / 2 / SPAN_MS);
    return this.seconds.has(middle) || this.seconds.has(Math.floor(to / SPAN_MS)) || from < toldTo;
  }

  /** A span that is wider than a bar fills all bars that it covers. */
  private spread(at: number, spanMs: number, events: number, width: number, add: (at: number, events: number) => void): void {
    const parts = Math.max(1, Math.ceil(spanMs / width));
    for (let part = 0; part < parts; part++) add(at + (part + 0.5) * (spanMs / parts), events / parts);
  }

  private at(second: number): { events: number; acts: number } {
    let span = this.seconds.get(second);
    if (!span) this.seconds.set(second, (span = { events: 0, acts: 0 }));
    return span;
  }
}
