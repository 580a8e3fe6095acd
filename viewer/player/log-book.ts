/** The entries of a session's events, in order of time, as far as batches have been read: each batch once, bounded in number. */

import type { LogEntry } from "./log-entries.ts";
import { SeqRanges } from "./seq-ranges.ts";
import type { Checkout, Timeline } from "./timeline.ts";

/** Most entries that are held; what comes beyond is counted and left out. */
export const MAX_ENTRIES = 100_000;

/** An entry, and whose it is; `id` is the same however often its batch is read. */
export type BookedEntry<Entry extends LogEntry = LogEntry> = Entry & { readonly tab: string; readonly id: string };

/** A stretch of a tab from one checkout to the next whose entries are not known. */
export interface UnreadStretch {
  checkout: Checkout;
  /** Page time of its beginning and its end. */
  from: number;
  to: number;
}

export class LogBook {
  private readonly read = new Map<string, SeqRanges>();
  private entries: BookedEntry[] = [];
  private isSorted = true;
  private leftOut = 0;
  private readonly most: number;
  /** Rises with every change. */
  version = 0;

  constructor(most = MAX_ENTRIES) {
    this.most = most;
  }

  /** Takes the entries of a batch; a batch that was read before changes nothing. */
  add(tab: string, seq: number, entries: readonly LogEntry[]): void {
    const ranges = this.ranges(tab);
    if (ranges.has(seq, seq)) return;
    ranges.add(seq, seq);
    this.version++;
    const room = Math.max(0, this.most - this.entries.length);
    this.leftOut += Math.max(0, entries.length - room);
    const booked = entries.slice(0, room).map((entry, index) => ({ ...entry, tab, id: `${tab}:${seq}:${index}` }));
    const last = this.entries.at(-1)?.at ?? -Infinity;
    for (const entry of booked) this.entries.push(entry);
    if (booked.some((entry, index) => entry.at < (booked[index - 1]?.at ?? last))) this.isSorted = false;
  }

  /** Notes that batches which could hold entries do not exist in [fromSeq, toSeq]. */
  markRead(tab: string, fromSeq: number, toSeq: number): void {
    this.ranges(tab).add(fromSeq, toSeq);
    this.version++;
  }

  /** True where the batch has been read. */
  has(tab: string, seq: number): boolean {
    return this.read.get(tab)?.has(seq, seq) === true;
  }

  /** Everything in order of time; the same array until the book changes. */
  get all(): readonly BookedEntry[] {
    if (!this.isSorted) {
      this.entries = this.entries.toSorted((a, b) => a.at - b.at);
      this.isSorted = true;
    }
    return this.entries;
  }

  /** Entries that found no room. */
  get leftOutCount(): number {
    return this.leftOut;
  }

  /** Stretches that have not been read to their end, in order of time. */
  unread(timeline: Timeline): UnreadStretch[] {
    return timeline.pages.flatMap((page) => {
      const checkouts = timeline.checkouts(page.tab);
      return checkouts.flatMap((checkout, index) => {
        const next = checkouts[index + 1];
        const last = next ? next.seq - 1 : page.upto;
        const known = this.read.get(page.tab)?.knownUpto(checkout.seq) ?? -1;
        return known >= last ? [] : [{ checkout, from: checkout.at, to: next?.at ?? Math.max(page.to, checkout.at) }];
      });
    });
  }

  private ranges(tab: string): SeqRanges {
    let ranges = this.read.get(tab);
    if (!ranges) this.read.set(tab, (ranges = new SeqRanges()));
    return ranges;
  }
}
