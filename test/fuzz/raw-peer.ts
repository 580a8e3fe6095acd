/** A WebSocket over bare TCP that may say anything, and tells what came back: frames, or the end of the connection. Pings are answered. */

import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { frame } from "./wire.ts";

/** A frame from the server. */
export interface ServerFrame {
  opcode: number;
  fin: boolean;
  payload: Buffer;
}

export interface RawPeer {
  readonly frames: readonly ServerFrame[];
  readonly isClosed: boolean;
  write(bytes: Uint8Array): void;
  /** Resolves true once `wanted` holds of what came; false where the connection ended first, or nothing came for `ms`. */
  until(wanted: (frames: readonly ServerFrame[]) => boolean, ms?: number): Promise<boolean>;
  /** Resolves true when the server has ended the connection; false where it has not within `ms`. */
  ended(ms?: number): Promise<boolean>;
  /** Ends it by a reset, which leaves no port waiting. */
  reset(): void;
}

const PATIENCE_MS = 10_000;
const PING = 9;
const PONG = 10;

/** The request of a right handshake, with headers changed or, where null, left out. */
export function handshake(
  port: number,
  target: string,
  changes: Readonly<Record<string, string | null>> = {},
  method = "GET",
): string {
  const headers: Record<string, string | null> = {
    Host: `127.0.0.1:${port}`,
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    ...changes,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]));
  return `${method} ${target} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

/** Sends bytes over TCP and returns what comes back until the other side ends, `enough` holds, or `ms` have passed. */
export function exchange(
  port: number,
  bytes: string | Uint8Array,
  enough: (text: string) => boolean,
  ms = PATIENCE_MS,
): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host: "127.0.0.1", port });
    const done = () => {
      clearTimeout(timer);
      socket.resetAndDestroy();
      resolve(text);
    };
    const timer = setTimeout(done, ms);
    socket.on("error", done);
    socket.on("close", done);
    socket.on("data", (piece) => {
      text += piece.toString("latin1");
      if (enough(text)) done();
    });
    socket.write(bytes);
  });
}

/**
 * Connects and shakes hands.
 * @throws Error with the status line where the upgrade is refused
 */
export async function openRawPeer(
  port: number,
  target: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawPeer> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  const peer = new TcpPeer(socket);
  socket.write(handshake(port, target, headers));
  await peer.shaken;
  return peer;
}

class TcpPeer implements RawPeer {
  readonly frames: ServerFrame[] = [];
  readonly shaken: Promise<void>;
  isClosed = false;
  private readonly socket: Socket;
  private rest: Buffer = Buffer.alloc(0);
  private isOpen = false;
  private wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.shaken = new Promise((resolve, reject) => {
      const onHead = (line: string) => {
        if (line.startsWith("HTTP/1.1 101")) resolve();
        else reject(new Error(line));
      };
      socket.on("data", (piece) => {
        this.rest = this.rest.length === 0 ? piece : Buffer.concat([this.rest, piece]);
        if (!this.isOpen) this.readHead(onHead);
        if (this.isOpen) this.readFrames();
        this.wake();
      });
      socket.on("error", () => undefined); // a reset is one of the ways in which a server ends it
      socket.on("close", () => {
        this.isClosed = true;
        reject(new Error("closed during the handshake"));
        this.wake();
      });
    });
  }

  write(bytes: Uint8Array): void {
    if (!this.isClosed) this.socket.write(bytes);
  }

  async until(wanted: (frames: readonly ServerFrame[]) => boolean, ms = PATIENCE_MS): Promise<boolean> {
    return this.wait(() => wanted(this.frames), ms);
  }

  async ended(ms = PATIENCE_MS): Promise<boolean> {
    await this.wait(() => this.isClosed, ms);
    return this.isClosed;
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  private async wait(isDone: () => boolean, ms: number): Promise<boolean> {
    const until = performance.now() + ms;
    while (!isDone()) {
      const left = until - performance.now();
      if (this.isClosed || left <= 0) return isDone();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return true;
  }

  private readHead(onHead: (line: string) => void): void {
    const end = this.rest.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.rest.toString("latin1", 0, end);
    this.rest = this.rest.subarray(end + 4);
    this.isOpen = true;
    onHead(head.split("\r\n")[0] ?? "");
  }

  private readFrames(): void {
    for (;;) {
      const [first = 0, second = 0] = this.rest;
      const short = second & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.rest.length < head) return;
      const length = short < 126 ? short : short === 126 ? this.rest.readUInt16BE(2) : Number(this.rest.readBigUInt64BE(2));
      if (this.rest.length < head + length) return;
      const payload = this.rest.subarray(head, head + length);
      if ((first & 0x0f) === PING) this.write(frame(PONG, payload));
      else this.frames.push({ opcode: first & 0x0f, fin: (first & 0x80) !== 0, payload });
      this.rest = this.rest.subarray(head + length);
    }
  }
}
