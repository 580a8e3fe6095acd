/** What a session's events say besides the page, for the panels and the bars above the timeline: as far as it was read, more when asked. */

import { Activity, type Stretch } from "../player/activity.ts";
import type { BatchCache } from "../player/batch-cache.ts";
import type { BatchSource } from "../player/history.ts";
import type { ReadBatch } from "../player/inflate.ts";
import { LogBook, type BookedEntry } from "../player/log-book.ts";
import { LogReader } from "../player/log-reader.ts";
import type { Timeline } from "../player/timeline.ts";

/** The screen is told of new entries this often at most. */
const REFRESH_MS = 250;
/** What is held ahead of the playhead is looked through this often. */
const AHEAD_MS = 1_000;

export class SessionLog {
  entries = $state.raw<readonly BookedEntry[]>([]);
  /** Stretches of which the entries are not known. */
  unread = $state.raw<readonly Stretch[]>([]);
  isReading = $state(false);
  /** Rises when the bars or the idle stretches change. */
  activityVersion = $state(0);
  /** Entries that found no room. */
  leftOutCount = $state(0);
  readonly activity = new Activity();
  private readonly book = new LogBook();
  private readonly reader: LogReader;
  private readonly timeline: Timeline;
  private shownAt = 0;
  private shownVersion = -1;
  private aheadAt = 0;

  /** @param onBytes told of bytes that came over the network for the panels alone */
  constructor(source: BatchSource, cache: BatchCache, timeline: Timeline, onBytes: (bytes: number) => void) {
    this.timeline = timeline;
    this.reader = new LogReader({ source, cache, timeline, book: this.book, onBytes });
  }

  /** Takes a batch that was read. */
  note(read: ReadBatch, batch: { tab: string; seq: number; firstAt: number; lastAt: number }): void {
    // After it was dropped from the cache, a batch may be read once more.
    if (this.book.has(batch.tab, batch.seq)) return;
    this.book.add(batch.tab, batch.seq, read.entries);
    this.activity.note(batch, read.events);
  }

  /** Called often: reads ahead in what is held, and tells the screen what is new. */
  follow(tab: string | null, at: number, now: number): void {
    if (tab !== null && now - this.aheadAt > AHEAD_MS) {
      this.aheadAt = now;
      void this.reader.readHeld(tab, at);
    }
    if (now - this.shownAt < REFRESH_MS) return;
    this.shownAt = now;
    this.refresh();
  }

  /** Reads everything between two moments; what was being read before is given up. */
  async readRange(from: number, to: number): Promise<void> {
    this.isReading = true;
    try {
      await this.reader.readRange(from, to, () => this.refresh());
    } finally {
      this.isReading = this.reader.isReading;
      this.refresh();
    }
  }

  /** Stops reading. */
  stop(): void {
    this.reader.stop();
    this.isReading = false;
  }

  private refresh(): void {
    const version = this.book.version + this.timeline.version;
    if (version === this.shownVersion) return;
    this.shownVersion = version;
    if (this.entries.length !== this.book.all.length) this.entries = [...this.book.all];
    this.activity.estimate(this.timeline);
    this.activityVersion = this.activity.version;
    this.unread = this.book.unread(this.timeline);
    this.leftOutCount = this.book.leftOutCount;
  }
}
