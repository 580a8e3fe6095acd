/** One WebSocket over a bare TCP socket: handshake by hand, ready frames out, frames in. */

import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { clientFrame, OPCODE, ServerFrameParser, type FrameHandler } from "./ws-frames.ts";

export interface RawSocketOptions {
  url: URL;
  headers?: Readonly<Record<string, string>>;
  /** Called with every text and binary frame; the payload is only good until it returns. */
  onFrame: FrameHandler;
  onClose?: () => void;
}

export interface RawSocket {
  /** Writes a ready frame; false where the kernel did not take all of it, and then the memory is not ours to patch yet. */
  send(frame: Uint8Array): boolean;
  /** Bytes that the kernel has not taken. */
  unsentBytes(): number;
  /** Stops and goes on reading, as a slow peer does. */
  setPaused(isPaused: boolean): void;
  /** From now on only counts the bytes that arrive: the cheapest way to read. Pings are no longer answered. */
  countBytes(onBytes: (count: number) => void): void;
  close(): void;
}

/** All sockets of a process read into one buffer: the parser copies only what a piece leaves over. */
const READ_BUFFER = Buffer.allocUnsafe(512 * 1024);

/**
 * Connects and shakes hands. Pings are answered.
 * @throws Error with the server's status line where it does not upgrade
 */
export function openRawSocket(options: RawSocketOptions): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    let head = "";
    let isOpen = false;
    let counter: ((count: number) => void) | null = null;
    const parser = new ServerFrameParser((opcode, payload) => {
      if (opcode === OPCODE.ping) socket.write(clientFrame(OPCODE.pong, Buffer.from(payload)));
      else if (opcode === OPCODE.close) socket.end();
      else options.onFrame(opcode, payload);
    });
    const onBytes = (piece: Buffer): void => {
      if (isOpen) {
        if (counter) counter(piece.length);
        else parser.push(piece);
        return;
      }
      head += piece.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!head.startsWith("HTTP/1.1 101")) {
        reject(new Error(`no upgrade: ${head.slice(0, head.indexOf("\r\n"))}`));
        socket.destroy();
        return;
      }
      isOpen = true;
      resolve(wrap(socket, (onCount) => (counter = onCount)));
      const rest = head.slice(end + 4);
      if (rest.length > 0) parser.push(Buffer.from(rest, "latin1"));
    };
    const socket = connect({
      host: options.url.hostname,
      port: Number(options.url.port || 80),
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (length) => {
          onBytes(READ_BUFFER.subarray(0, length));
          return true;
        },
      },
    });
    socket.on("error", reject);
    socket.on("close", () => {
      reject(new Error("closed before the upgrade"));
      options.onClose?.();
    });
    socket.on("end", () => socket.end());
    socket.write(handshake(options.url, options.headers ?? {}));
  });
}

function wrap(socket: Socket, countBytes: RawSocket["countBytes"]): RawSocket {
  return {
    countBytes,
    send(frame) {
      if (socket.destroyed) return true;
      socket.write(frame);
      return socket.writableLength === 0;
    },
    unsentBytes: () => socket.writableLength,
    setPaused(isPaused) {
      if (isPaused) socket.pause();
      else socket.resume();
    },
    close: () => socket.destroy(),
  };
}

function handshake(url: URL, headers: Readonly<Record<string, string>>): string {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}
