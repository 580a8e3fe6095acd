/**
 * What one viewer receives of one session.
 *
 * catching-up: history is sent as fast as the viewer reads it, from the tails, and from the database where they do not reach
 * live: a binary viewer gets the session's topic, the same bytes as everybody; a text viewer is sent each batch
 * resyncing: the viewer read too slowly and was taken off the topic; once it has read what is queued it goes on, at the newest
 *   checkout where one lies ahead (and is told before), otherwise where it stopped
 * closed: nothing more is sent
 *
 * catching-up -> live -> resyncing -> live; all -> closed. The step to `live` happens in the tick in which nothing is missing.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { TabSummary } from "../../protocol/session.ts";
import type { FeedPhase, ToViewerMessage } from "../../protocol/viewer-messages.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { BatchRow } from "../store/store.ts";
import { findStart, isCheckoutDue, type StartOptions } from "./feed-start.ts";
import type { LiveSession } from "./live-session.ts";
import type { History, TrackerRequests, ViewerPort } from "./live.ts";
import type { TabTail } from "./tail.ts";
import { encodeBatch, encodeMessage, encodePlainBatch, type Frames } from "./viewer-frames.ts";

/** History is sent only while less than this is unread. */
export const MAX_AHEAD_BYTES = 1024 * 1024;
/** A live viewer with more than this unread is too slow. Far below where `server/net` would skip frames for it. */
export const SLOW_VIEWER_BYTES = 1024 * 1024;
/** After so many bytes of history others get their turn. */
const TURN_BYTES = 128 * 1024;
/** Wait before the database is asked again. */
const HISTORY_RETRY_MS = 2_000;

export type FeedState = { kind: "catching-up" } | { kind: "live" } | { kind: "resyncing"; isTold: boolean } | { kind: "closed" };

/** Where a feed stands in one tab. */
interface Position {
  next: number;
  /** Nothing is sent before a checkout: it is not known what the viewer missed. */
  needsCheckout: boolean;
}

type Step =
  | { kind: "row"; row: BatchRow; position: Position }
  | { kind: "gap"; tab: string; toSeq: number; position: Position }
  | { kind: "history"; tail: TabTail; position: Position }
  /** Nothing is missing; `isBlocked` where a tab waits for a checkout. */
  | { kind: "edge"; isBlocked: boolean };

export interface FeedDeps {
  history: History;
  requests: TrackerRequests;
  clock: Clock;
  log: Logger;
  /** A viewer was moved to a newer checkout. */
  onResync(): void;
  onClosed(feed: Feed): void;
}

export class Feed {
  readonly session: LiveSession;
  private readonly port: ViewerPort;
  private readonly deps: FeedDeps;
  private readonly start: StartOptions;
  private state: FeedState = { kind: "catching-up" };
  private readonly positions = new Map<string, Position>();
  private waiting: { isFor: "drain" | "batch" | "time"; wake: () => void } | null = null;
  private turnBytes = 0;
  private hasToldFault = false;

  constructor(session: LiveSession, port: ViewerPort, start: StartOptions, deps: FeedDeps) {
    this.session = session;
    this.port = port;
    this.start = start;
    this.deps = deps;
  }

  get phase(): FeedPhase {
    return this.state.kind;
  }

  /** Begins to send. To be called once, after `session_joined`. */
  begin(): void {
    void this.run(true);
  }

  /** A batch, a gap or the end has come. */
  somethingNew(): void {
    if (this.waiting?.isFor === "batch") this.waiting.wake();
  }

  /** The viewer has read what was queued. */
  drained(): void {
    if (this.waiting?.isFor === "drain" && this.port.backlogBytes() <= MAX_AHEAD_BYTES) this.waiting.wake();
  }

  /** Takes a live viewer off the topic if it reads too slowly. */
  checkBacklog(): void {
    if (this.isSubscribed() && this.port.backlogBytes() > SLOW_VIEWER_BYTES) this.cutOff(false);
  }

  /** A published frame was skipped for this viewer; which one is not known. */
  skipped(): void {
    // Not within the call: it may come from the middle of a publish, where topics must not be left.
    setImmediate(() => {
      if (this.isSubscribed()) this.cutOff(true);
    });
  }

  /** The database has more of a tab than was known here, from `fromSeq` on: a live viewer gets that before what comes next. */
  missed(tab: string, fromSeq: number): void {
    if (this.isSubscribed()) this.cutOff(false, { tab, fromSeq });
  }

  /** The session is over: the viewer gets what it misses, then `session_ended`. */
  finish(): void {
    if (this.isSubscribed()) this.cutOff(false);
    else this.somethingNew();
  }

  tell(message: ToViewerMessage): boolean {
    return this.state.kind !== "closed" && this.port.send(encodeMessage(this.port.form, message));
  }

  /** Sends a ready frame, the same for several viewers. */
  tellFrame(frames: Frames): void {
    if (this.state.kind !== "closed") this.port.send(frames[this.port.form]);
  }

  /** @param isPortGone true where the viewer's connection is closed already */
  close(isPortGone: boolean): void {
    if (this.state.kind === "closed") return;
    if (this.isSubscribed()) this.unsubscribe(isPortGone);
    this.state = { kind: "closed" };
    this.waiting?.wake();
    this.deps.onClosed(this);
  }

  private isSubscribed(): boolean {
    return this.state.kind === "live" && this.port.form === "binary";
  }

  /** Sends until the feed is live by topic, or closed. */
  private async run(isFirst: boolean): Promise<void> {
    try {
      if (isFirst) await this.findStarts();
      while (this.state.kind !== "closed") {
        if (this.port.backlogBytes() > MAX_AHEAD_BYTES) {
          if (this.state.kind === "live") this.state = { kind: "resyncing", isTold: false };
          if (this.state.kind === "resyncing") this.askForCheckouts();
          await this.waitFor("drain");
        } else if (!(await this.step())) return;
      }
    } catch (error) {
      this.deps.log.error("a feed failed", { error });
      this.tell({ type: "error", data: { code: "internal", message: "the feed cannot go on" } });
      this.close(false);
    }
  }

  /** One step forward; false when the feed needs no more of them. Between looking and going live nothing is awaited. */
  private async step(): Promise<boolean> {
    if (this.state.kind === "resyncing" && !this.jump()) return this.waitFor("drain");
    const step = this.nextStep();
    switch (step.kind) {
      case "row":
        return this.sendRow(step.row, step.position);
      case "gap":
        return this.sendGap(step.tab, step.toSeq, step.position) || this.waitFor("drain");
      case "history":
        return this.sendHistory(step.tail, step.position);
      case "edge":
        return this.arrive(step.isBlocked);
      default:
        return step satisfies never;
    }
  }

  private nextStep(): Step {
    let isBlocked = false;
    for (const tail of this.session.allTails()) {
      const position = this.positionIn(tail.tab);
      if (position.needsCheckout) {
        if (tail.newestCheckout < position.next) {
          isBlocked = true;
          continue;
        }
        position.next = tail.newestCheckout;
        position.needsCheckout = false;
      }
      if (position.next > tail.newest) {
        // A viewer that holds more than we do: it saw batches that an earlier process forwarded and did not live to store. Their
        // tracker sends them again, and the topic would repeat them; so the feed is not live before the tab has caught up with it.
        if (position.next > tail.newest + 1) isBlocked = true;
        continue;
      }
      if (position.next < tail.first) return { kind: "history", tail, position };
      const row = tail.at(position.next);
      if (row?.seq === position.next) return { kind: "row", row, position };
      return { kind: "gap", tab: tail.tab, toSeq: row ? row.seq - 1 : tail.newest, position };
    }
    return { kind: "edge", isBlocked };
  }

  /** A tab that opened after the feed began is sent from its first batch. */
  private positionIn(tab: string): Position {
    let position = this.positions.get(tab);
    if (!position) {
      position = { next: 0, needsCheckout: false };
      this.positions.set(tab, position);
    }
    return position;
  }

  private async sendRow(row: BatchRow, position: Position): Promise<boolean> {
    const frame = this.port.form === "binary" ? encodeBatch(row) : await encodePlainBatch(row);
    // A text viewer may have left while its batch was inflated.
    if (this.phase === "closed") return false;
    if (frame === null) return this.sendGap(row.tab, row.seq, position) || this.waitFor("drain");
    if (!this.port.send(frame)) return this.waitFor("drain");
    position.next = row.seq + 1;
    this.turnBytes += frame.length;
    if (this.turnBytes >= TURN_BYTES) {
      this.turnBytes = 0;
      await nextTurn();
    }
    return true;
  }

  private sendGap(tab: string, toSeq: number, position: Position): boolean {
    const data = { sessionId: this.session.sessionId, tab, fromSeq: position.next, toSeq };
    if (!this.tell({ type: "gap", data })) return false;
    position.next = toSeq + 1;
    return true;
  }

  /** Sends what only the database has, up to where the tail begins. */
  private async sendHistory(tail: TabTail, position: Position): Promise<boolean> {
    const toSeq = tail.first - 1;
    try {
      for await (const row of this.deps.history.readBatches(this.session.key, tail.tab, position.next, toSeq)) {
        while (row.seq >= position.next) {
          if (this.port.backlogBytes() > MAX_AHEAD_BYTES) await this.waitFor("drain");
          if (this.phase === "closed") return false;
          // A newer checkout came while the viewer read: the loop above moves the feed there.
          if (this.state.kind === "resyncing" && tail.newestCheckout > position.next) return true;
          if (row.seq === position.next) await this.sendRow(row, position);
          else if (!this.sendGap(tail.tab, row.seq - 1, position)) await this.waitFor("drain");
        }
      }
    } catch (error) {
      return this.waitForHistory(error);
    }
    this.hasToldFault = false;
    return position.next > toSeq || this.sendGap(tail.tab, toSeq, position) || this.waitFor("drain");
  }

  /** Nothing is missing: the feed ends with its session, or is live from this tick on. */
  private async arrive(isBlocked: boolean): Promise<boolean> {
    const { end, sessionId } = this.session;
    if (end !== null) {
      if (!this.tell({ type: "session_ended", data: { sessionId, ...end } })) return this.waitFor("drain");
      this.close(false);
      return false;
    }
    if (isBlocked) return this.waitFor("batch");
    if (this.state.kind !== "live") {
      const isNews = this.state.kind === "catching-up" || (this.state.kind === "resyncing" && this.state.isTold);
      if (isNews && !this.tell({ type: "session_phase", data: { sessionId, phase: "live" } })) return this.waitFor("drain");
      this.state = { kind: "live" };
    }
    if (this.port.form === "text") return this.waitFor("batch");
    this.positions.clear();
    this.port.subscribe(this.session.topic);
    this.session.subscriptionChanged(1);
    return false;
  }

  /** Off the topic: everything published so far is queued for the viewer, unless a frame was `skipped`, or never published here. */
  private cutOff(isSkipped: boolean, unpublished?: { tab: string; fromSeq: number }): void {
    this.unsubscribe(false);
    this.state = { kind: "resyncing", isTold: false };
    for (const tail of this.session.allTails()) {
      const next = tail.tab === unpublished?.tab ? unpublished.fromSeq : tail.newest + 1;
      this.positions.set(tail.tab, { next, needsCheckout: isSkipped });
    }
    if (isSkipped) {
      this.deps.onResync();
      this.askForCheckouts();
    }
    void this.run(false);
  }

  /** A viewer who lags behind gets on with less to read where there is a newer checkout. */
  private askForCheckouts(): void {
    if (this.session.end !== null) return;
    for (const tail of this.session.allTails()) {
      const { next, needsCheckout } = this.positionIn(tail.tab);
      if (!needsCheckout && (next > tail.newest || !isCheckoutDue(tail))) continue;
      this.deps.requests.requestCheckout(this.session.sessionId, tail.tab);
    }
  }

  private unsubscribe(isPortGone: boolean): void {
    if (!isPortGone) this.port.unsubscribe(this.session.topic);
    this.session.subscriptionChanged(-1);
  }

  /** Moves to the newest checkouts that lie ahead, and says so before. False where the viewer could not be told yet. */
  private jump(): boolean {
    if (this.state.kind !== "resyncing") return true;
    const ahead = this.session.allTails().filter((tail) => {
      const { next, needsCheckout } = this.positionIn(tail.tab);
      return tail.newestCheckout > next || (needsCheckout && tail.newestCheckout === next);
    });
    const isUntoldSkip = !this.state.isTold && [...this.positions.values()].some((position) => position.needsCheckout);
    if (ahead.length === 0 && !isUntoldSkip) return true;
    if (!this.tell({ type: "session_phase", data: { sessionId: this.session.sessionId, phase: "resyncing" } })) return false;
    this.state.isTold = true;
    if (ahead.length > 0) this.deps.onResync();
    for (const tail of ahead) this.positions.set(tail.tab, { next: tail.newestCheckout, needsCheckout: false });
    return true;
  }

  private async findStarts(): Promise<void> {
    const tabs: readonly TabSummary[] = [...this.session.tabs];
    for (const tab of tabs) {
      const tail = this.session.tailOf(tab.tab, tab.upto);
      let next: number | null = null;
      while (next === null && this.phase !== "closed") {
        try {
          next = await findStart(this.session, tab, tail, this.start, this.deps.history);
        } catch (error) {
          await this.waitForHistory(error);
        }
      }
      this.positions.set(tab.tab, { next: next ?? 0, needsCheckout: false });
      const isWanted = next !== null && next <= tail.newest;
      if (isWanted && this.session.end === null && tab.endedAt === null && isCheckoutDue(tail)) {
        this.deps.requests.requestCheckout(this.session.sessionId, tab.tab);
      }
    }
  }

  /** The database does not answer: says so once, and waits before it is asked again. */
  private async waitForHistory(error: unknown): Promise<true> {
    this.deps.log.warn("history could not be read", { sessionId: this.session.sessionId, error });
    const data = { code: "overload", message: "history cannot be read now", retryAfterMs: HISTORY_RETRY_MS } as const;
    if (!this.hasToldFault) this.hasToldFault = this.tell({ type: "error", data });
    return this.waitFor("time");
  }

  private async waitFor(isFor: "drain" | "batch" | "time"): Promise<true> {
    if (this.phase === "closed") return true;
    let cancel = () => {};
    await new Promise<void>((resolve) => {
      this.waiting = { isFor, wake: resolve };
      if (isFor === "time") cancel = this.deps.clock.after(HISTORY_RETRY_MS, resolve);
    });
    cancel();
    this.waiting = null;
    return true;
  }
}
