/**
 * Batches in: order, forward, store. What is taken in goes to the live edge first and to the store second, in the same tick; the
 * acknowledgement follows from `Acks`, when it is durable.
 */

import type { PackedBatch, PlainBatch } from "../../protocol/batch.ts";
import type { TrackerGap } from "../../protocol/tracker-messages.ts";
import { AppError } from "../app-error.ts";
import type { BatchRow } from "../store/store.ts";
import type { Acks } from "./acks.ts";
import { endsWithMeta, packEvents } from "./plain-batch.ts";
import { REDACTION_FULL_WAIT_MS } from "./redacting.ts";
import { takePace } from "./pace.ts";
import { markDirty, MAX_WAITING_BYTES, type IngestRoom } from "./room.ts";
import type { Gap } from "./seq-order.ts";
import { isTaking, type OpenTab } from "./sessions.ts";

/** A hole that is not filled after this long becomes a gap. */
export const HOLE_PATIENCE_MS = 2_000;
/** How long a tracker waits before it sends again what the store had no room for: less than a full buffer takes to be written. */
export const STORE_FULL_WAIT_MS = 250;
/** Plain events have no size before they are packed: what one counts for in its project's pace. */
const PLAIN_EVENT_BYTES = 256;
/** Said to trackers while the disk is nearly full. */
export const NO_ROOM = "the server has no room for recordings now";
const SESSION_OVER = "this session is over; say session_start for another";
/** A hole behind which there is no room is asked for this rarely. */
const ASK_INTERVAL_MS = 500;
/** Largest seq that the database can hold. */
const MAX_SEQ = 2_147_483_647;

export class Intake {
  private readonly room: IngestRoom;
  private readonly acks: Acks;
  private readonly requestCheckout: (tab: OpenTab) => void;

  constructor(room: IngestRoom, acks: Acks, requestCheckout: (tab: OpenTab) => void) {
    this.room = room;
    this.acks = acks;
    this.requestCheckout = requestCheckout;
  }

  /**
   * Takes a packed batch: the next one goes on; one that was seen is acknowledged again; one that came too early is held, and the
   * tracker is asked for what is missing.
   * @throws AppError `not_started` for a session that is over, `limit` for one that is full, `protocol` for an impossible seq
   */
  accept(tab: OpenTab, batch: PackedBatch): void {
    const { order } = tab;
    if (this.room.isDraining) return;
    this.check(tab, batch.seq, batch.count);
    if (batch.seq === order.next) {
      if (this.isTooFast(tab, batch)) return;
      if (this.take(tab, batch) && order.isHolding) this.goOn(tab);
    } else if (batch.seq < order.next) {
      this.room.counts.duplicates++;
      if (batch.seq <= tab.committed) this.acks.repeat(tab);
    } else {
      this.keepEarly(tab, batch);
    }
  }

  /**
   * Takes plain events: gives them their seqs and cuts them at checkouts.
   * @throws AppError as `accept`, `too_large` for a giant event, `overload` where the store has no room
   */
  acceptPlain(tab: OpenTab, data: PlainBatch): void {
    if (this.room.isDraining) return;
    const events = tab.heldMeta ? [tab.heldMeta, ...data.events] : data.events;
    this.check(tab, tab.order.next, events.length);
    const { pace } = tab.session;
    const waitMs = pace === null ? 0 : takePace(pace, data.events.length * PLAIN_EVENT_BYTES, this.room.deps.clock.now());
    if (waitMs > 0) throw new AppError("overload", "this project takes no more a second", { retryAfterMs: waitMs });
    tab.heldMeta = null;
    // A page that sends each event by itself cuts its checkouts in two; the full snapshot follows at once.
    const last = events.length > 0 && endsWithMeta(events) ? events.at(-1) : undefined;
    const pieces = packEvents(last ? events.slice(0, -1) : events);
    let { markers } = data;
    for (const { payload, ...piece } of pieces) {
      const batch: PackedBatch = { ...piece, seq: tab.order.next, encoding: "json", rawBytes: payload.length, markers, payload };
      markers = [];
      if (!this.take(tab, batch)) {
        throw new AppError("overload", "the store has no room", { retryAfterMs: this.waitMs() });
      }
      if (tab.order.isHolding) this.goOn(tab);
    }
    tab.heldMeta = last ?? null;
  }

  /** Lets a Meta go whose full snapshot did not come. */
  releaseMeta(tab: OpenTab): void {
    if (!tab.heldMeta || !isTaking(tab.session) || this.room.isDraining) return;
    const [piece] = packEvents([tab.heldMeta]);
    tab.heldMeta = null;
    if (!piece) return;
    const { payload } = piece;
    this.take(tab, { ...piece, seq: tab.order.next, encoding: "json", rawBytes: payload.length, markers: [], payload });
  }

  /** The tracker had to drop these; what was held behind them goes on. */
  declareGap(tab: OpenTab, gap: TrackerGap): void {
    this.check(tab, gap.toSeq, 0);
    if (!tab.order.holdGap(gap)) return;
    this.goOn(tab);
    this.askForNextHole(tab);
  }

  /** Asks again for the holes that nobody filled in time, and gives up those whose tracker does not answer such questions. */
  giveUpHoles(now: number): void {
    for (const tab of this.room.holed) {
      if (tab.refusedAt > 0) this.askForRefused(tab, now);
      else if (!tab.order.isHolding) this.room.holed.delete(tab);
      else if (now - tab.order.holeSince >= HOLE_PATIENCE_MS) {
        if (tab.answersResend) {
          this.askAgain(tab);
          continue;
        }
        const gap = tab.order.giveUp();
        if (gap) this.tellGap(tab, gap);
        this.goOn(tab);
        this.askForNextHole(tab);
      }
    }
  }

  /** Redaction has no room for this batch: the tracker is to send it again after a while, and what follows it. */
  askLater(tab: OpenTab, seq: number): void {
    this.resend(tab, seq, REDACTION_FULL_WAIT_MS);
  }

  /** Forgets what waits behind holes: the tab is closed, its session is over, or the store has no room. */
  dropHeld(tab: OpenTab): void {
    this.room.waitingBytes -= tab.order.heldBytes;
    tab.order.drop();
    tab.refusedAt = 0;
    this.room.holed.delete(tab);
  }

  private check(tab: OpenTab, seq: number, count: number): void {
    if (!isTaking(tab.session)) throw new AppError("not_started", SESSION_OVER);
    if (seq > MAX_SEQ) throw new AppError("protocol", `events_batch: seq: must be at most ${MAX_SEQ}`);
    const most = tab.session.maxEvents;
    if (tab.session.summary.eventCount + count > most) throw new AppError("limit", `a session holds at most ${most} events`);
  }

  /** True for a batch over its project's pace: it is not taken, and its tracker is told when to send it again. */
  private isTooFast(tab: OpenTab, { seq, payload }: PackedBatch): boolean {
    const { pace } = tab.session;
    if (pace === null) return false;
    const now = this.room.deps.clock.now();
    const waitMs = takePace(pace, payload.length, now);
    if (waitMs > 0) this.refuse(tab, seq, now, waitMs);
    return waitMs > 0;
  }

  /** Forwards and stores the next batch. False where the store has no room; then the tracker is told when to try again. */
  private take(tab: OpenTab, batch: PackedBatch): boolean {
    const { deps, counts } = this.room;
    const { session, summary, order } = tab;
    const now = deps.clock.now();
    if ((deps.waitMs?.() ?? null) !== null) {
      this.refuse(tab, batch.seq, now);
      return false;
    }
    const row: BatchRow = {
      sessionId: session.summary.sessionId,
      tab: summary.tab,
      seq: batch.seq,
      projectId: session.summary.projectId,
      startedOn: session.startedOn,
      receivedAt: now,
      firstAt: batch.firstAt,
      lastAt: batch.lastAt,
      count: batch.count,
      checkout: batch.checkout,
      encoding: batch.encoding,
      rawBytes: batch.rawBytes,
      payload: batch.payload,
      markers: batch.markers,
      url: summary.url,
    };
    if (batch.seq > tab.forwarded) {
      tab.forwarded = batch.seq;
      deps.live.publish(row);
    }
    if (!deps.store.append(row)) {
      this.refuse(tab, batch.seq, now);
      return false;
    }
    order.pass();
    tab.pending++;
    tab.refusedAt = 0;
    session.heardAt = now;
    this.count(tab, row);
    counts.batches++;
    counts.events += batch.count;
    counts.bytes += batch.payload.length;
    return true;
  }

  private count(tab: OpenTab, row: BatchRow): void {
    const { session, summary } = tab;
    summary.upto = row.seq;
    if (row.lastAt > summary.lastAt) summary.lastAt = row.lastAt;
    const whole = session.summary;
    if (row.lastAt > whole.lastAt) {
      whole.lastAt = row.lastAt;
      whole.durationMs = Math.max(0, Math.round(row.lastAt - whole.startedAt));
    }
    whole.eventCount += row.count;
    whole.batchCount++;
    whole.byteCount += row.payload.length;
    for (const marker of row.markers) if (marker.kind === "error") whole.errorCount++;
    markDirty(this.room, session);
  }

  private refuse(tab: OpenTab, seq: number, now: number, waitMs = this.waitMs()): void {
    this.room.counts.overloads++;
    const { refusedAt } = tab;
    this.dropHeld(tab);
    this.room.holed.add(tab);
    tab.refusedAt = refusedAt;
    if (now - refusedAt < waitMs) return;
    tab.refusedAt = now;
    if (this.waitMs() > STORE_FULL_WAIT_MS) {
      tab.holder?.send({ type: "error", data: { code: "overload", message: NO_ROOM, retryAfterMs: waitMs } });
    }
    this.resend(tab, seq, waitMs);
  }

  /** How long a tracker waits with what was refused: longer for the disk than for the store, which is quick. */
  private waitMs(): number {
    return this.room.deps.waitMs?.() ?? STORE_FULL_WAIT_MS;
  }

  /** The batch that was refused did not come again: a tracker that answers is asked once more, any other goes on behind a hole. */
  private askForRefused(tab: OpenTab, now: number): void {
    if (now - tab.refusedAt < this.waitMs() + HOLE_PATIENCE_MS) return;
    tab.refusedAt = tab.answersResend ? now : 0;
    if (tab.answersResend) this.resend(tab, tab.order.next);
  }

  private keepEarly(tab: OpenTab, batch: PackedBatch): void {
    const { room } = this;
    const { order } = tab;
    if (tab.refusedAt > 0) return;
    const before = order.heldBytes;
    const wasHolding = order.isHolding;
    if (order.holds(batch.seq)) {
      room.counts.duplicates++;
      return;
    }
    // Without room it is dropped: the tracker sends it again after the hole.
    const isHeld = room.waitingBytes + batch.payload.length <= MAX_WAITING_BYTES && order.hold(batch);
    if (isHeld) room.waitingBytes += order.heldBytes - before;
    if (wasHolding) return;
    // Where nothing could be held, each batch behind the hole finds it anew.
    if (isHeld || room.deps.clock.now() - order.holeSince >= ASK_INTERVAL_MS) this.askAgain(tab);
  }

  private askForNextHole(tab: OpenTab): void {
    if (tab.order.isHolding) this.askAgain(tab);
  }

  /** A hole was found, or another one behind it: asks for it, and begins to wait. */
  private askAgain(tab: OpenTab): void {
    tab.order.holeSince = this.room.deps.clock.now();
    if (tab.order.isHolding) this.room.holed.add(tab);
    this.resend(tab, tab.order.next);
  }

  private resend(tab: OpenTab, fromSeq: number, afterMs?: number): void {
    this.room.counts.resends++;
    const { tab: name } = tab.summary;
    tab.holder?.send({ type: "resend", data: afterMs === undefined ? { tab: name, fromSeq } : { tab: name, fromSeq, afterMs } });
  }

  /** Lets go what is held, as far as it is in order now. */
  private goOn(tab: OpenTab): void {
    const { order } = tab;
    for (;;) {
      const before = order.heldBytes;
      const released = order.release();
      this.room.waitingBytes -= before - order.heldBytes;
      if (!released) break;
      if (released.kind === "gap") this.tellGap(tab, released.gap);
      else if (this.isFull(tab, released.batch)) return this.dropHeld(tab);
      else if (!this.take(tab, released.batch)) return;
    }
    if (order.isHolding) order.holeSince = this.room.deps.clock.now();
    else this.room.holed.delete(tab);
  }

  /** Past the session's limit a held batch is let go of, as if it had been refused when it came. */
  private isFull(tab: OpenTab, batch: PackedBatch): boolean {
    return tab.session.summary.eventCount + batch.count > tab.session.maxEvents;
  }

  private tellGap(tab: OpenTab, gap: Gap): void {
    this.room.counts.gaps++;
    tab.forwarded = Math.max(tab.forwarded, gap.toSeq);
    tab.refusedAt = 0;
    this.room.deps.live.gap(tab.session.summary.sessionId, tab.summary.tab, gap.fromSeq, gap.toSeq);
    this.requestCheckout(tab);
  }
}
