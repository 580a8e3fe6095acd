/** What every WebSocket of ours has, tracker or viewer: a way to say something after which nothing can crash. */

import type { WebSocket } from "uWebSockets.js";
import { CLOSE, type CloseName } from "../../protocol/close-codes.ts";
import type { Bucket } from "./limits.ts";

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

/** Malformed messages after which a socket is closed: by then it is no slip but a broken client. */
export const MAX_MALFORMED = 20;

/**
 * The base of both kinds. States: `opening` (no socket yet) -> `open` -> `closed`; after `closed` everything said is dropped, because
 * uWebSockets.js throws when a closed socket is touched.
 */
export abstract class OpenSocket implements SocketPeer, Bucket {
  readonly id: number;
  /** Address of the peer as text. */
  readonly peer: string;
  tokens: number;
  refilledAt: number;
  protected form: "none" | "binary" | "text" = "none";
  protected malformedCount = 0;
  private ws: WebSocket<SocketData> | null = null;

  constructor(id: number, peer: string, tokens: number, now: number) {
    this.id = id;
    this.peer = peer;
    this.tokens = tokens;
    this.refilledAt = now;
  }

  get isOpen(): boolean {
    return this.ws !== null;
  }

  opened(ws: WebSocket<SocketData>): void {
    this.ws = ws;
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
    this.ws?.end(CLOSE[code], reason.slice(0, 120));
  }
}
