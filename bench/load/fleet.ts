/**
 * A fleet of trackers, one connection a session, that sends batches at a fixed total rate whatever the server does: a batch's latency
 * counts from the moment it was due, not from when the generator got round to it (no coordinated omission). Keeps to the protocol: begins
 * with `session_start`, counts seq from 0 without holes, sends again from where a `resend` says, and holds back while its window
 * of un-acknowledged batches is full.
 */

import { randomBytes } from "node:crypto";
import { createSessionId, createTabId } from "../../protocol/ids.ts";
import type { PatchableFrame } from "./batches.ts";
import { openRawSocket, type RawSocket } from "./raw-socket.ts";
import { Samples } from "./samples.ts";
import { clientFrame, OPCODE } from "./ws-frames.ts";

/** Batches that one tracker has under way at most: of 2 KB ones, the megabyte that our tracker allows itself. A power of two. */
const DEFAULT_WINDOW = 512;
/** The same after the server has told it to wait. */
const WINDOW_AFTER_WAIT = 32;
/** Batches that wait behind a full window, as in a tracker's outbox of 16 MB; what is due beyond that is not sent at all. */
const OUTBOX = 8192;
/** Bytes that the kernel may refuse before a tracker waits. */
const MAX_UNSENT_BYTES = 256 * 1024;
/** How long a round waits for its last acks, unless told otherwise. */
const SETTLE_MS = 15_000;

export interface FleetOptions {
  url: URL;
  sessions: number;
  /** Makes the frame that a tracker sends over and over. */
  frame(tab: string): PatchableFrame;
  /** Connections opened at a time. */
  parallel?: number;
  /** Most un-acknowledged batches of a tracker. */
  window?: number;
  /** Most batches that wait; a power of two. */
  outbox?: number;
}

export interface RoundResult {
  /** Batches a second: asked for, sent for the first time, acknowledged within the round. */
  offeredPerSec: number;
  sentPerSec: number;
  ackedPerSec: number;
  p50Ms: number;
  p99Ms: number;
  /** Batches sent, and of these sent again after a `resend`. */
  sent: number;
  resent: number;
  /** Batches never acknowledged, though the round waited. */
  unacked: number;
  /** Errors and closed connections. */
  faults: number;
}

interface Tracker {
  readonly sessionId: string;
  readonly tab: string;
  socket: RawSocket;
  frame: PatchableFrame;
  nextSeq: number;
  /** One past the highest seq ever sent. */
  topSeq: number;
  acked: number;
  /** Earliest moment of the next send, after a `resend` with `afterMs`. */
  notBefore: number;
  /** When each batch of the window was due. */
  readonly dueAt: Float64Array;
  /** Batches that were due and could not be sent yet. */
  owed: number;
  /** Batches that it has under way at most: few after it was told to wait, and twice as many with each ack. */
  window: number;
}

export interface Fleet {
  readonly trackers: readonly { sessionId: string; tab: string; acked: number }[];
  /** One round of load, until its last ack. Rounds may follow one another. */
  run(batchesPerSec: number, durationMs: number, settleMs?: number): Promise<RoundResult>;
  close(): void;
}

/** Opens the sessions and resolves when the server has answered every `session_start`. */
export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const fleet = new TrackerFleet(options);
  await fleet.open();
  return fleet;
}

class TrackerFleet implements Fleet {
  readonly trackers: Tracker[] = [];
  private readonly options: FleetOptions;
  private readonly window: number;
  private readonly outbox: number;
  private samples = new Samples();
  private faults = 0;
  private resent = 0;
  private sent = 0;
  private ackedCount = 0;
  private isClosing = false;

  constructor(options: FleetOptions) {
    this.options = options;
    this.window = options.window ?? DEFAULT_WINDOW;
    this.outbox = options.outbox ?? OUTBOX;
  }

  async open(): Promise<void> {
    const parallel = this.options.parallel ?? 50;
    for (let i = 0; i < this.options.sessions; i += parallel) {
      const wave = Math.min(parallel, this.options.sessions - i);
      this.trackers.push(...(await Promise.all(Array.from({ length: wave }, () => this.openTracker()))));
    }
  }

  async run(batchesPerSec: number, durationMs: number, settleMs = SETTLE_MS): Promise<RoundResult> {
    this.samples = new Samples();
    this.faults = this.resent = this.sent = this.ackedCount = 0;
    const startAt = performance.now();
    const total = Math.floor((batchesPerSec * durationMs) / 1000);
    let due = 0;
    while (due < total) {
      await tick();
      const now = performance.now();
      const dueNow = Math.min(total, Math.floor(((now - startAt) * batchesPerSec) / 1000));
      for (; due < dueNow; due++) {
        const tracker = this.trackers[due % this.trackers.length];
        if (tracker) this.sendDue(tracker, startAt + (due * 1000) / batchesPerSec, now);
      }
      this.payDebts(now);
    }
    const ackedInTime = this.ackedCount;
    const elapsedMs = performance.now() - startAt;
    const sentInTime = this.sent - this.resent;
    await this.settle(settleMs);
    const unacked = this.trackers.reduce((sum, tracker) => sum + tracker.topSeq - 1 - tracker.acked, 0);
    const [p50Ms, p99Ms] = this.samples.percentiles([0.5, 0.99]);
    return {
      offeredPerSec: batchesPerSec,
      sentPerSec: (sentInTime * 1000) / elapsedMs,
      ackedPerSec: (ackedInTime * 1000) / elapsedMs,
      p50Ms,
      p99Ms,
      sent: this.sent,
      resent: this.resent,
      unacked,
      faults: this.faults,
    };
  }

  close(): void {
    this.isClosing = true;
    for (const tracker of this.trackers) tracker.socket.close();
  }

  private sendDue(tracker: Tracker, dueAt: number, now: number): void {
    if (tracker.owed > 0 || !this.canSend(tracker, now)) {
      // What waits keeps the time at which it was due: that is what makes the generator open-loop.
      tracker.dueAt[(tracker.topSeq + tracker.owed) & (this.outbox - 1)] = dueAt;
      if (tracker.topSeq + tracker.owed - tracker.acked < this.outbox - 1) tracker.owed++;
      return;
    }
    tracker.dueAt[tracker.topSeq & (this.outbox - 1)] = dueAt;
    this.sendNext(tracker);
  }

  private canSend(tracker: Tracker, now: number): boolean {
    return now >= tracker.notBefore && tracker.nextSeq === tracker.topSeq && this.hasRoom(tracker);
  }

  private hasRoom(tracker: Tracker): boolean {
    return tracker.nextSeq - tracker.acked <= tracker.window && tracker.socket.unsentBytes() < MAX_UNSENT_BYTES;
  }

  private sendNext(tracker: Tracker): void {
    tracker.frame.patch(tracker.nextSeq, Date.now());
    // Memory that the kernel has not taken yet must not be patched: go on with another copy.
    if (!tracker.socket.send(tracker.frame.bytes)) tracker.frame = tracker.frame.clone();
    this.sent++;
    if (tracker.nextSeq < tracker.topSeq) this.resent++;
    else tracker.topSeq++;
    tracker.nextSeq++;
  }

  private payDebts(now: number): void {
    for (const tracker of this.trackers) {
      if (tracker.owed === 0 && tracker.nextSeq === tracker.topSeq) continue;
      if (now < tracker.notBefore) continue;
      while (tracker.nextSeq < tracker.topSeq && this.hasRoom(tracker)) this.sendNext(tracker);
      while (tracker.owed > 0 && this.canSend(tracker, now)) {
        tracker.owed--;
        this.sendNext(tracker);
      }
    }
  }

  private async settle(ms: number): Promise<void> {
    const deadline = performance.now() + ms;
    const isOwing = (tracker: Tracker): boolean => tracker.owed > 0 || tracker.acked < tracker.topSeq - 1;
    while (performance.now() < deadline && this.faults === 0 && this.trackers.some(isOwing)) {
      await tick();
      this.payDebts(performance.now());
    }
  }

  private async openTracker(): Promise<Tracker> {
    const sessionId = createSessionId(Date.now(), randomBytes(10));
    const tab = createTabId(randomBytes(12));
    const started = new Deferred();
    const socket = await openRawSocket({
      url: this.options.url,
      onFrame: (opcode, payload) => {
        if (opcode === OPCODE.text) this.take(tracker, payload.toString("latin1"), started);
      },
      onClose: () => {
        started.reject(new Error("closed before session_started"));
        if (!this.isClosing) this.faults++;
      },
    });
    const tracker: Tracker = {
      sessionId,
      tab,
      socket,
      frame: this.options.frame(tab),
      nextSeq: 0,
      topSeq: 0,
      acked: -1,
      notBefore: 0,
      dueAt: new Float64Array(this.outbox),
      owed: 0,
      window: this.window,
    };
    const start = {
      sessionId,
      tab,
      resumeToken: randomBytes(18).toString("base64url"),
      answersResend: true,
      url: "https://shop.example/cart",
      title: "Cart",
      userAgent: "load generator",
      viewport: { width: 1280, height: 800 },
      startTime: Date.now(),
    };
    socket.send(clientFrame(OPCODE.text, Buffer.from(JSON.stringify({ type: "session_start", data: start }))));
    await started.promise;
    return tracker;
  }

  private take(tracker: Tracker, text: string, started: Deferred): void {
    if (text.includes('"ack"')) this.takeAck(tracker, numberBehind(text, '"upto":'));
    else if (text.includes('"session_started"')) started.resolve();
    else if (text.includes('"resend"')) {
      const fromSeq = numberBehind(text, '"fromSeq":');
      if (fromSeq < tracker.nextSeq) tracker.nextSeq = Math.max(fromSeq, tracker.acked + 1);
      if (text.includes('"afterMs":')) {
        tracker.notBefore = performance.now() + numberBehind(text, '"afterMs":');
        tracker.window = WINDOW_AFTER_WAIT;
      }
    } else if (text.includes('"error"')) {
      this.faults++;
      started.reject(new Error(text.slice(0, 300)));
    }
  }

  private takeAck(tracker: Tracker, upto: number): void {
    const now = performance.now();
    for (let seq = tracker.acked + 1; seq <= upto; seq++) {
      this.samples.add(now - (tracker.dueAt[seq & (this.outbox - 1)] ?? now));
      this.ackedCount++;
    }
    if (upto > tracker.acked) {
      tracker.acked = upto;
      tracker.window = Math.min(this.window, tracker.window * 2);
    }
    if (tracker.nextSeq <= upto) tracker.nextSeq = upto + 1;
  }
}

/** A promise that is settled from outside (`Promise.withResolvers` came with Node 22). */
class Deferred {
  resolve: () => void = () => undefined;
  reject: (error: Error) => void = () => undefined;
  readonly promise = new Promise<void>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor() {
    this.promise.catch(() => undefined); // whoever waits hears of it; a connection that nobody waits for any more need not
  }
}

function numberBehind(text: string, key: string): number {
  const at = text.indexOf(key);
  return at < 0 ? Number.NaN : Number.parseInt(text.slice(at + key.length, at + key.length + 16), 10);
}

/** One millisecond, or as soon after it as the process can. */
function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
