/** A session as the live edge holds it: its facts, the tails of its tabs, and the feeds on it. */

import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import { encodeBatch, encodeMessage } from "./viewer-frames.ts";
import type { Feed } from "./feed.ts";
import type { Publisher } from "./live.ts";
import type { BatchRow } from "../store/store.ts";
import { TabTail, type TailBudget } from "./tail.ts";

/** Feeds are looked at for slow viewers each time that so many bytes were published to them. */
const LOOK_AFTER_BYTES = 256 * 1024;

export interface SessionEnd {
  endedAt: number;
  reason: "ended" | "idle" | "erased";
}

export class LiveSession {
  readonly sessionId: string;
  readonly startedOn: string;
  private facts: SessionSummary;
  private tabSummaries: readonly TabSummary[];
  /** Set when the session is over: feeds end when they have all of it. */
  end: SessionEnd | null = null;
  /** Viewers of this session have not been told the newest facts. */
  isUpdateDue = false;
  /** The same for what every batch changes. */
  isCountDue = false;
  /** Viewers of the project's list have not been told the newest facts, or counts. */
  isListDue = false;
  /** True where this process has, or had, its tracker; otherwise it is only looked at. */
  isOwned = false;
  private readonly budget: TailBudget;
  private readonly publisher: Publisher;
  private tails: readonly TabTail[] = [];
  /** So many of `tabs` are known to have their tail. */
  private tailedCount = 0;
  private feeds: Set<Feed> | null = null;
  /** Feeds that get their frames by topic. */
  private subscribed = 0;
  private bytesSinceLook = 0;

  constructor(summary: SessionSummary, tabs: readonly TabSummary[], startedOn: string, budget: TailBudget, publisher: Publisher) {
    this.sessionId = summary.sessionId;
    this.startedOn = startedOn;
    this.facts = summary;
    this.tabSummaries = tabs;
    this.budget = budget;
    this.publisher = publisher;
  }

  /** Shared with ingest, where this process owns the session. */
  get summary(): SessionSummary {
    return this.facts;
  }

  get tabs(): readonly TabSummary[] {
    return this.tabSummaries;
  }

  setFacts(summary: SessionSummary, tabs: readonly TabSummary[]): void {
    if (tabs !== this.tabSummaries) this.tailedCount = 0;
    this.facts = summary;
    this.tabSummaries = tabs;
    this.isUpdateDue = true;
  }

  /** Name of the topic on which binary viewers get their frames. */
  get topic(): string {
    return `session/${this.sessionId}`;
  }

  /** What the database knows it by. */
  get key(): { sessionId: string; startedOn: string } {
    return { sessionId: this.sessionId, startedOn: this.startedOn };
  }

  get feedCount(): number {
    return this.feeds?.size ?? 0;
  }

  /** The tail of a tab, made where there is none; `upto` is the newest seq that the database is known to have. */
  tailOf(tab: string, upto = -1): TabTail {
    for (const tail of this.tails) if (tail.tab === tab) return tail;
    const tail = new TabTail(tab, upto, this.budget);
    // An array that was pushed to keeps room for 17.
    this.tails = this.tails.concat(tail);
    return tail;
  }

  /** One tail for every tab that is known, in the order in which the tabs began. */
  allTails(): readonly TabTail[] {
    for (; this.tailedCount < this.tabs.length; this.tailedCount++) {
      const summary = this.tabs[this.tailedCount];
      if (summary) this.tailOf(summary.tab, summary.upto);
    }
    return this.tails;
  }

  /** Forwards a batch and keeps it. One that was published already is ignored. */
  publish(row: BatchRow): void {
    const tail = this.tailOf(row.tab);
    if (row.seq <= tail.newest) return;
    const hole = tail.newest + 1;
    tail.push(row);
    this.isCountDue = true;
    if (this.feeds === null) return;
    if (this.subscribed > 0) {
      if (row.seq > hole) this.publishGap(row.tab, hole, row.seq - 1);
      const frame = encodeBatch(row);
      this.publisher.publish(this.topic, frame);
      this.bytesSinceLook += frame.length;
      if (this.bytesSinceLook >= LOOK_AFTER_BYTES) this.lookForSlowViewers();
    }
    this.wakeFeeds();
  }

  /** What has not come of a tab up to `toSeq` will never come. */
  gap(tab: string, toSeq: number): void {
    const tail = this.tailOf(tab);
    const fromSeq = tail.newest + 1;
    if (toSeq < fromSeq) return;
    tail.skipTo(toSeq);
    if (this.subscribed > 0) this.publishGap(tab, fromSeq, toSeq);
    this.wakeFeeds();
  }

  /** Lets go of what the database has. */
  shrink(): void {
    for (const tail of this.tails) tail.letGo();
  }

  clear(): void {
    for (const tail of this.tails) tail.clear();
  }

  addFeed(feed: Feed): void {
    this.feeds ??= new Set();
    this.feeds.add(feed);
  }

  removeFeed(feed: Feed): void {
    this.feeds?.delete(feed);
    if (this.feeds?.size === 0) this.feeds = null;
  }

  /** A feed has begun, or stopped, to get its frames by topic. */
  subscriptionChanged(by: 1 | -1): void {
    this.subscribed += by;
  }

  /** Feeds that wait for something new look again. */
  wakeFeeds(): void {
    if (this.feeds === null || this.feeds.size === this.subscribed) return;
    for (const feed of this.feeds) feed.somethingNew();
  }

  /** Moves the feeds whose viewers read too slowly off the topic, before anything is skipped for them. */
  lookForSlowViewers(): void {
    this.bytesSinceLook = 0;
    if (this.feeds !== null) for (const feed of this.feeds) feed.checkBacklog();
  }

  eachFeed(visit: (feed: Feed) => void): void {
    if (this.feeds !== null) for (const feed of [...this.feeds]) visit(feed);
  }

  private publishGap(tab: string, fromSeq: number, toSeq: number): void {
    const data = { sessionId: this.sessionId, tab, fromSeq, toSeq };
    const frame = encodeMessage("binary", { type: "gap", data });
    if (frame instanceof Uint8Array) this.publisher.publish(this.topic, frame);
  }
}
