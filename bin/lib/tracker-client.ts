/**
 * A tracker without a page: what `npm run play`, `npm run seed` and the loss test send with. Speaks the protocol as the real one does:
 * resume by `upto`, forget by `ack`, send again from a `resend`, come back after a lost connection.
 *
 * States: waiting (for the next try) -> connecting -> open (`session_started` came) -> waiting …; closed at the end.
 */

import WebSocket from "ws";
import type { Encoding } from "../../protocol/batch.ts";
import { decodeText, MalformedMessage, parseMessage } from "../../protocol/codec.ts";
import type { Marker } from "../../protocol/markers.ts";
import { packMessage } from "../../protocol/msgpack-encode.ts";
import { reconnectDelayMs } from "../../protocol/reconnect.ts";
import { toTracker, type SessionStart, type ToTrackerMessage, type WireError } from "../../protocol/tracker-messages.ts";

/** Batches on their way at a time. */
const MAX_IN_FLIGHT = 128;
/** A connection that has not answered `session_start` after this long is given up. */
const OPEN_TIMEOUT_MS = 5_000;

/** A batch but for its tab and seq. */
export interface OutgoingBatch {
  firstAt: number;
  lastAt: number;
  count: number;
  checkout: boolean;
  encoding: Encoding;
  rawBytes: number;
  payload: Uint8Array;
  markers: readonly Marker[];
}

export interface TrackerClientOptions {
  /** `ws://host:port/ws?type=tracker&key=…` */
  url: URL;
  page: SessionStart & { sessionId: string; tab: string; resumeToken: string };
  /** Wait before the next try, null for none; default as the real tracker does. */
  retryMs?: (attempt: number, closeCode: number) => number | null;
  /** Called with the seqs of an ack before they are forgotten. */
  onAcked?: (fromSeq: number, upto: number) => void;
  onStarted?: (started: { sessionId: string; upto: number }) => void;
  onCheckoutRequest?: () => void;
  onError?: (error: WireError) => void;
  /** Something was said that a server must not say. */
  onBreach?: (what: string) => void;
}

type State =
  | { is: "waiting"; timer: NodeJS.Timeout }
  | { is: "connecting"; socket: WebSocket; timer: NodeJS.Timeout }
  | { is: "open"; socket: WebSocket }
  | { is: "closed" };

/** One tab of one session. */
export class TrackerClient {
  private readonly options: TrackerClientOptions;
  private page: TrackerClientOptions["page"];
  private state: State;
  private attempt = 0;
  private retryAfterMs = 0;
  /** Frames not acknowledged yet; the first is that of `firstHeld`. */
  private outbox: Uint8Array[] = [];
  private firstHeld = 0;
  private nextToSend = 0;
  private waitUntil = 0;
  private pumpTimer: NodeJS.Timeout | null = null;
  private waiters: (() => void)[] = [];
  connections = 0;
  resent = 0;
  private topSent = 0;

  constructor(options: TrackerClientOptions) {
    this.options = options;
    this.page = options.page;
    this.state = { is: "waiting", timer: setTimeout(() => this.connect(), 0) };
  }

  /** Seq that the next batch will get. */
  get nextSeq(): number {
    return this.firstHeld + this.outbox.length;
  }

  /** Newest seq known to be durable, or -1. */
  get acked(): number {
    return this.firstHeld - 1;
  }

  get tab(): string {
    return this.page.tab;
  }

  get isOpen(): boolean {
    return this.state.is === "open";
  }

  /** Takes a batch into the outbox and sends it when it can. Returns its seq. */
  send(batch: OutgoingBatch): number {
    const seq = this.nextSeq;
    const data = { tab: this.page.tab, seq, ...batch };
    this.outbox.push(packMessage({ type: "events_batch", data }));
    this.pump();
    return seq;
  }

  /** Sends a control message now; false where there is no connection. */
  say(type: string, data: Readonly<Record<string, unknown>>): boolean {
    if (this.state.is !== "open") return false;
    this.state.socket.send(JSON.stringify({ type, data }));
    return true;
  }

  /** Resolves true when everything is acknowledged, false after `timeoutMs`. */
  settled(timeoutMs: number): Promise<boolean> {
    if (this.outbox.length === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.waiters.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  /** Cuts the connection, as a network does; the client comes back by itself. */
  cut(): void {
    if (this.state.is === "open" || this.state.is === "connecting") this.state.socket.terminate();
  }

  close(): void {
    const state = this.state;
    this.state = { is: "closed" };
    if (this.pumpTimer) clearTimeout(this.pumpTimer);
    if (state.is === "waiting" || state.is === "connecting") clearTimeout(state.timer);
    if (state.is === "open" || state.is === "connecting") state.socket.close(1000);
  }

  /** Puts one batch on its way; a test may send it late, or twice. */
  protected transmit(socket: WebSocket, frame: Uint8Array): void {
    socket.send(frame);
  }

  private connect(): void {
    const socket = new WebSocket(this.options.url, { perMessageDeflate: false });
    const timer = setTimeout(() => socket.terminate(), OPEN_TIMEOUT_MS);
    this.state = { is: "connecting", socket, timer };
    this.connections++;
    socket.on("open", () => socket.send(JSON.stringify({ type: "session_start", data: this.page })));
    socket.on("message", (bytes: Buffer) => this.take(socket, bytes.toString("utf8")));
    socket.on("error", () => undefined); // `close` follows
    socket.on("close", (code) => {
      clearTimeout(timer);
      this.lost(socket, code);
    });
  }

  private lost(socket: WebSocket, code: number): void {
    if (this.state.is === "closed" || !("socket" in this.state) || this.state.socket !== socket) return;
    const delay = this.options.retryMs
      ? this.options.retryMs(this.attempt, code)
      : reconnectDelayMs(this.attempt, code, Math.random(), this.retryAfterMs);
    this.attempt++;
    this.retryAfterMs = 0;
    if (delay === null) {
      this.state = { is: "closed" };
      this.options.onBreach?.(`closed for good with ${code}`);
    } else this.state = { is: "waiting", timer: setTimeout(() => this.connect(), delay) };
  }

  private take(socket: WebSocket, text: string): void {
    if (this.state.is === "closed" || !("socket" in this.state) || this.state.socket !== socket) return;
    let message: ToTrackerMessage;
    try {
      message = parseMessage(toTracker, decodeText(text));
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.options.onBreach?.(error.message);
      return;
    }
    switch (message.type) {
      case "session_started":
        this.started(socket, message.data.sessionId, message.data.resumeToken, message.data.upto);
        break;
      case "ack":
        this.forget(message.data.upto);
        break;
      case "resend":
        this.nextToSend = Math.max(this.firstHeld, Math.min(this.nextToSend, message.data.fromSeq));
        this.waitUntil = Date.now() + (message.data.afterMs ?? 0);
        this.pump();
        break;
      case "checkout_request":
        this.options.onCheckoutRequest?.();
        break;
      case "watchers":
        break;
      case "error":
        this.retryAfterMs = message.data.retryAfterMs ?? 0;
        this.options.onError?.(message.data);
        break;
      case "assist_state":
      case "assist_did":
        return; // nobody sits before this page
      default:
        message satisfies never;
    }
  }

  private started(socket: WebSocket, sessionId: string, resumeToken: string, upto: number): void {
    if (upto < this.acked) this.options.onBreach?.(`upto ${upto} at the start, though ${this.acked} was acknowledged`);
    // Another id means that somebody else owns the one asked for; from here on this is ours.
    if (sessionId !== this.page.sessionId) this.page = { ...this.page, sessionId, resumeToken };
    if (this.state.is === "connecting") clearTimeout(this.state.timer);
    this.state = { is: "open", socket };
    this.attempt = 0;
    this.waitUntil = 0;
    this.nextToSend = Math.max(this.firstHeld, upto + 1);
    this.options.onStarted?.({ sessionId, upto });
    this.pump();
  }

  private forget(upto: number): void {
    if (upto >= this.topSent) this.options.onBreach?.(`ack of ${upto}, newest sent is ${this.topSent - 1}`);
    const count = Math.min(upto, this.nextSeq - 1) - this.firstHeld + 1;
    if (count <= 0) return;
    this.options.onAcked?.(this.firstHeld, this.firstHeld + count - 1);
    this.outbox.splice(0, count);
    this.firstHeld += count;
    this.nextToSend = Math.max(this.nextToSend, this.firstHeld);
    if (this.outbox.length === 0) for (const waiter of this.waiters.splice(0)) waiter();
    this.pump();
  }

  private pump(): void {
    if (this.state.is !== "open") return;
    const waitMs = this.waitUntil - Date.now();
    if (waitMs > 0) {
      this.pumpTimer ??= setTimeout(() => {
        this.pumpTimer = null;
        this.pump();
      }, waitMs);
      return;
    }
    while (this.nextToSend < this.nextSeq && this.nextToSend - this.firstHeld < MAX_IN_FLIGHT) {
      const frame = this.outbox[this.nextToSend - this.firstHeld];
      if (!frame) return;
      if (this.nextToSend < this.topSent) this.resent++;
      this.transmit(this.state.socket, frame);
      this.nextToSend++;
      this.topSent = Math.max(this.topSent, this.nextToSend);
    }
  }
}
