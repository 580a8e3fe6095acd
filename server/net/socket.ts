/** What every WebSocket of ours has, tracker or viewer: a way to say something after which nothing can crash. */

import type { WebSocket } from "uWebSockets.js";
import { CLOSE, type CloseName } from "../../protocol/close-codes.ts";
import type { AddressUse } from "./addresses.ts";
import { takeFrame, type FrameBucket, type FrameLimit } from "./limits.ts";

/** What uWebSockets.js keeps with a socket: the one object that answers its events. */
export interface SocketData {
  peer: SocketPeer;
}

/** Told the events of one socket. */
export interface SocketPeer {
  opened(ws: WebSocket<SocketData>): void;
  /** @param message memory that is taken back when the call returns */
  received(message: ArrayBuffer, isBinary: boolean): void;
  dropped(): void;
  drained(): void;
  closed(): void;
}

/** How much one connection may send, and all of one address together. */
export interface SocketLimits {
  readonly connection: FrameLimit;
  readonly address: FrameLimit;
}

/** Malformed messages after which a socket is closed: by then it is no slip but a broken client. */
export const MAX_MALFORMED = 20;

/**
 * The base of both kinds. States: `opening` (no socket yet) -> `open` -> `closed`; after `closed` everything said is dropped, because
 * uWebSockets.js throws when a closed socket is touched. One that is closed while `opening` is closed as soon as it opens.
 */
export abstract class OpenSocket implements SocketPeer, FrameBucket {
  readonly id: number;
  tokens: number;
  bytesLeft: number;
  refilledAt: number;
  protected form: "none" | "binary" | "text" = "none";
  protected malformedCount = 0;
  protected readonly address: AddressUse;
  private ws: WebSocket<SocketData> | null = null;
  private closing: { code: CloseName; reason: string } | null = null;

  constructor(id: number, address: AddressUse, { connection }: SocketLimits, now: number) {
    this.id = id;
    this.address = address;
    this.tokens = connection.burst;
    this.bytesLeft = connection.burstBytes;
    this.refilledAt = now;
  }

  get isOpen(): boolean {
    return this.ws !== null;
  }

  opened(ws: WebSocket<SocketData>): void {
    this.ws = ws;
    if (this.closing) this.close(this.closing.code, this.closing.reason);
  }

  abstract received(message: ArrayBuffer, isBinary: boolean): void;

  dropped(): void {
    // Only feeds act on it.
  }

  drained(): void {
    // Only feeds act on it.
  }

  closed(): void {
    this.ws = null;
  }

  /** False where the socket is closed or the peer is too far behind, and nothing was queued. */
  write(frame: Uint8Array | string): boolean {
    return this.ws !== null && this.ws.send(frame, typeof frame !== "string") !== 2;
  }

  /** Bytes that the peer has not read yet. */
  backlogBytes(): number {
    return this.ws?.getBufferedAmount() ?? 0;
  }

  subscribe(topic: string): void {
    this.ws?.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.ws?.unsubscribe(topic);
  }

  /** Ends the socket with one of our close codes. */
  close(code: CloseName, reason: string): void {
    // The close handler runs inside of `end`, and clears `ws` there.
    if (this.ws) this.ws.end(CLOSE[code], reason.slice(0, 120));
    else this.closing = { code, reason };
  }

  /** 0 where a frame of `bytes` may be taken, else the milliseconds that the peer has to wait. */
  protected frameWaitMs(limits: SocketLimits, bytes: number, now: number): number {
    return takeFrame(this, limits.connection, bytes, now) || takeFrame(this.address, limits.address, bytes, now);
  }
}
