/**
 * One HTTP request and its answer, over uWebSockets.js: the response object is dead after it was answered or aborted, so every use
 * of it goes through here.
 */

import { STATUS_CODES } from "node:http";
import type { HttpResponse as UwsResponse } from "uWebSockets.js";
import { toAppError, type AppError } from "../app-error.ts";
import type { HttpResponse } from "./route.ts";

export type Headers = Readonly<Record<string, string>>;

/** What every answer carries. Pages add their own Content-Security-Policy; everything else may load nothing and be framed by nobody. */
const COMMON_HEADERS: Headers = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "same-origin",
};
const API_HEADERS: Headers = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Cache-Control": "no-store",
};

const utf8 = new TextEncoder();

export class Exchange {
  /** True once the peer went away or the answer is complete: nothing more can be said. */
  isOver = false;
  status = 0;
  readonly isHead: boolean;
  private readonly res: UwsResponse;
  private readonly controller = new AbortController();
  private onWritable: (() => void) | null = null;

  /** Must be made in the very call that handed `res` over, because the abort handler has to be there before it returns. */
  constructor(res: UwsResponse, isHead: boolean) {
    this.res = res;
    this.isHead = isHead;
    res.onAborted(() => {
      this.isOver = true;
      this.controller.abort();
      this.onWritable?.();
    });
  }

  /** Aborts when the peer goes away before it is answered. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /**
   * Reads the body, counting as it comes: a length that was told is not to be trusted, and chunked bodies tell none.
   * @param onMore told of the bytes of each piece before it is kept; what it throws ends the reading
   * @returns null where it is longer than `maxBytes`; the rest of it is not kept
   */
  readBody(maxBytes: number, onMore: (bytes: number) => void): Promise<Uint8Array | null> {
    return new Promise((resolve, reject) => {
      let pieces: Uint8Array[] = [];
      let total = 0;
      let isEnded = false;
      const end = (settle: () => void) => {
        isEnded = true;
        pieces = [];
        settle();
      };
      this.controller.signal.addEventListener("abort", () => resolve(null), { once: true });
      this.res.onData((chunk, isLast) => {
        if (isEnded) return;
        total += chunk.byteLength;
        if (total > maxBytes) {
          end(() => resolve(null));
          return;
        }
        try {
          onMore(chunk.byteLength);
        } catch (error) {
          end(() => reject(error instanceof Error ? error : new Error(String(error))));
          return;
        }
        // The chunk's memory is taken back when this call returns.
        pieces.push(new Uint8Array(chunk.slice(0)));
        if (isLast) resolve(pieces.length === 1 ? (pieces[0] ?? null) : Buffer.concat(pieces, total));
      });
    });
  }

  /** Sends a room's answer. Streams resolve when the last piece was written or the peer went away. */
  async send(response: HttpResponse, extra: Headers = {}): Promise<void> {
    const status = response.status ?? 200;
    const headers = { ...API_HEADERS, ...extra, ...response.headers };
    if ("json" in response) {
      this.sendBytes(status, { "Content-Type": "application/json; charset=utf-8", ...headers }, jsonBytes(response.json));
    } else if ("bytes" in response) {
      this.sendBytes(status, { "Content-Type": response.contentType, ...headers }, response.bytes);
    } else {
      await this.sendStream(status, { "Content-Type": response.contentType, ...headers }, response.stream);
    }
  }

  /** Sends `{"error":{code,message,retryAfterMs?}}` with the status that the error means. */
  sendError(thrown: unknown, extra: Headers = {}, status?: number, closeConnection = false): AppError {
    const error = toAppError(thrown);
    const { httpStatus, code } = error.meaning;
    const headers: Record<string, string> = { "Content-Type": "application/json; charset=utf-8", ...API_HEADERS, ...extra };
    const { retryAfterMs } = error;
    if (retryAfterMs !== undefined) headers["Retry-After"] = String(Math.ceil(retryAfterMs / 1_000));
    // The rest of an oversized body would otherwise be read as the next request.
    const isClosing = closeConnection || error.kind === "too_large";
    this.sendBytes(
      status ?? httpStatus,
      headers,
      jsonBytes({ error: { code, message: error.message, retryAfterMs } }),
      isClosing,
    );
    return error;
  }

  /** Sends bytes with these headers and the common ones. */
  sendBytes(status: number, headers: Headers, bytes: Uint8Array, closeConnection = false): void {
    if (this.isOver) return;
    this.isOver = true;
    this.status = status;
    this.res.cork(() => {
      this.writeHead(status, headers);
      // Given a length that is undefined, the library writes one of 2^63.
      if (status === 304 || status === 204) this.res.endWithoutBody();
      else if (this.isHead) this.res.endWithoutBody(bytes.byteLength, closeConnection);
      else this.res.end(bytes, closeConnection);
    });
  }

  private async sendStream(status: number, headers: Headers, stream: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.isHead) {
      this.sendBytes(status, headers, new Uint8Array(0));
      return;
    }
    let isBegun = false;
    try {
      for await (const piece of stream) {
        if (this.over()) return;
        if (!isBegun) {
          isBegun = true;
          this.status = status;
          // Registered once: replacing the handler while it runs is not allowed.
          this.res.onWritable(() => {
            this.onWritable?.();
            return true;
          });
          this.res.cork(() => this.writeHead(status, headers));
        }
        // An empty piece would end a chunked answer.
        if (piece.byteLength > 0 && !this.writePiece(piece)) await this.writable();
      }
    } catch (error) {
      if (!isBegun) throw error;
      // The status is on its way already; an end without the last chunk tells the peer that this is not all.
      if (!this.over()) {
        this.isOver = true;
        this.res.close();
      }
      throw error;
    }
    if (this.over()) return;
    if (!isBegun) {
      this.sendBytes(status, headers, new Uint8Array(0));
      return;
    }
    this.isOver = true;
    this.res.cork(() => this.res.end());
  }

  /** A look that the compiler does not carry over an `await`. */
  private over(): boolean {
    return this.isOver;
  }

  /** False where the peer has to read first; the piece was taken all the same. */
  private writePiece(piece: Uint8Array): boolean {
    const result = { isTaken: true };
    this.res.cork(() => {
      result.isTaken = this.res.write(piece);
    });
    return result.isTaken;
  }

  private writable(): Promise<void> {
    return new Promise((resolve) => {
      this.onWritable = () => {
        this.onWritable = null;
        resolve();
      };
      if (this.isOver) this.onWritable();
    });
  }

  private writeHead(status: number, headers: Headers): void {
    this.res.writeStatus(`${status} ${STATUS_CODES[status] ?? "Unknown"}`);
    for (const [name, value] of Object.entries({ ...COMMON_HEADERS, ...headers })) this.res.writeHeader(name, value);
  }
}

function jsonBytes(value: unknown): Uint8Array {
  return utf8.encode(JSON.stringify(value ?? null));
}
