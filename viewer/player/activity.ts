/**
 * How much happens when. Where batches have been read, that is known to the second, and what of it the visitor did; everywhere else it is
 * estimated out of the checkout index, which is there from the start: a page sends about one batch a second while something happens, and
 * none while nothing does.
 */

import { isInteraction, type RrwebEvent } from "./rrweb-events.ts";
import type { Timeline } from "./timeline.ts";

/** A stretch of page time. */
export interface Stretch {
  from: number;
  to: number;
}

/** Only stretches of at least this length are called idle. */
export const MIN_IDLE_MS = 5_000;
/** What was read is kept by seconds, a day of them at most. */
const SECOND_MS = 1_000;
const MAX_SECONDS = 86_400;
/** This many events in a second are as much as can be seen. */
const BUSY_EVENTS = 30;

interface Second {
  events: number;
  acts: number;
}

export class Activity {
  /** Only seconds of batches that were read are in here. */
  private readonly seconds = new Map<number, Second>();
  /** Beginnings and ends of the batches that were read, by tab and seq. */
  private readonly batches = new Map<string, Stretch>();
  private estimates: (Stretch & { share: number })[] = [];
  /** Rises with every change. */
  version = 0;

  /** Takes the events of a batch that was read for the first time; everything from its beginning to its end is known from now on. */
  note(batch: { tab: string; seq: number; firstAt: number; lastAt: number }, events: readonly RrwebEvent[]): void {
    const { tab, seq, firstAt, lastAt } = batch;
    if (this.batches.size >= MAX_SECONDS) return;
    this.batches.set(`${tab}:${seq}`, { from: firstAt, to: lastAt });
    // Between two batches that follow each other nothing was recorded.
    const from = this.batches.get(`${tab}:${seq - 1}`)?.to ?? firstAt;
    const to = this.batches.get(`${tab}:${seq + 1}`)?.from ?? lastAt;
    if (this.seconds.size + (to - from) / SECOND_MS > MAX_SECONDS) return;
    for (let second = toSecond(from); second <= toSecond(to); second++) this.at(second);
    for (const event of events) {
      const span = this.at(toSecond(Math.min(lastAt, Math.max(firstAt, event.timestamp))));
      span.events++;
      if (isInteraction(event)) span.acts++;
    }
    this.version++;
  }

  /** Estimates what has not been read: batches from one checkout to the next, by the second. */
  estimate(timeline: Timeline): void {
    this.estimates = timeline.pages.flatMap((page) => {
      const checkouts = timeline.checkouts(page.tab);
      return checkouts.map((checkout, index) => {
        const next = checkouts[index + 1];
        const to = next?.at ?? page.to;
        const batches = (next?.seq ?? page.upto + 1) - checkout.seq - 1;
        return { from: checkout.at, to, share: Math.min(1, (batches * SECOND_MS) / Math.max(SECOND_MS, to - checkout.at)) };
      });
    });
    this.version++;
  }

  /** How busy each of `count` equal parts of [from, to) is, 0 to 1. */
  bars(from: number, to: number, count: number): number[] {
    const width = Math.max(1, to - from) / count;
    const bars = new Array<number>(count).fill(0);
    const indexOf = (at: number): number => Math.min(count - 1, Math.max(0, Math.floor((at - from) / width)));
    for (const { from: start, to: end, share } of this.estimates) {
      for (let bar = indexOf(start); bar <= indexOf(end); bar++) bars[bar] = Math.max(bars[bar] ?? 0, share * 0.7);
    }
    const known = new Map<number, { seconds: number; events: number }>();
    for (const [second, { events }] of this.seconds) {
      // A second may be wider than a bar.
      for (let bar = indexOf(second * SECOND_MS); bar <= indexOf((second + 1) * SECOND_MS - 1); bar++) {
        const sum = known.get(bar) ?? { seconds: 0, events: 0 };
        known.set(bar, { seconds: sum.seconds + 1, events: sum.events + events });
      }
    }
    for (const [bar, { seconds, events }] of known) bars[bar] = Math.min(1, Math.sqrt(events / seconds / BUSY_EVENTS));
    return bars;
  }

  /** Where the visitor did nothing for {@link MIN_IDLE_MS} and more, as far as that is known. */
  idle(from: number, to: number): Stretch[] {
    const quiet: Stretch[] = [];
    for (const [second, { acts }] of this.seconds) {
      if (acts === 0) quiet.push({ from: second * SECOND_MS, to: (second + 1) * SECOND_MS });
    }
    const busy = [...this.seconds].filter(([, { acts }]) => acts > 0).map(([second]) => second * SECOND_MS);
    // Between two batches nothing was recorded: what the index says to be empty, and the time up to what is read next.
    for (const stretch of this.estimates) if (stretch.share === 0) quiet.push(stretch);
    quiet.sort((a, b) => a.from - b.from);
    busy.sort((a, b) => a - b);
    return join(quiet)
      .flatMap((stretch) => without(stretch, busy))
      .map((stretch) => ({ from: Math.max(from, stretch.from), to: Math.min(to, stretch.to) }))
      .filter((stretch) => stretch.to - stretch.from >= MIN_IDLE_MS);
  }

  private at(second: number): Second {
    let span = this.seconds.get(second);
    if (!span) this.seconds.set(second, (span = { events: 0, acts: 0 }));
    return span;
  }
}

function toSecond(at: number): number {
  return Math.floor(at / SECOND_MS);
}

/** Stretches that touch become one. */
function join(sorted: readonly Stretch[]): Stretch[] {
  const joined: Stretch[] = [];
  for (const stretch of sorted) {
    const last = joined.at(-1);
    if (last && stretch.from <= last.to) last.to = Math.max(last.to, stretch.to);
    else joined.push({ from: stretch.from, to: stretch.to });
  }
  return joined;
}

/** What is left of a stretch without the seconds of `busy`, which are in order. */
function without(stretch: Stretch, busy: readonly number[]): Stretch[] {
  const left: Stretch[] = [];
  let { from } = stretch;
  for (const at of busy) {
    if (at < from) continue;
    if (at >= stretch.to) break;
    if (at > from) left.push({ from, to: at });
    from = at + SECOND_MS;
  }
  if (from < stretch.to) left.push({ from, to: stretch.to });
  return left;
}
