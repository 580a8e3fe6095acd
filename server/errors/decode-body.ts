/** From the bytes of a request to those of an envelope: `Content-Encoding` is undone, within bounds, a few at a time. */

import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, inflateRaw, type ZlibOptions } from "node:zlib";
import { AppError } from "../app-error.ts";

/** Most bytes of a request as it is sent, and of an envelope when it is inflated. */
export const MAX_WIRE_BYTES = 20 * 1024 * 1024;
export const MAX_INFLATED_BYTES = 50 * 1024 * 1024;
/** What any body may inflate to, however few bytes it has; past that only so many times its own length. Texts repeat themselves less. */
const ALWAYS_BYTES = 8 * 1024 * 1024;
const MAX_RATIO = 300;
/** Bodies that are inflated at once, and what they may come to together. */
const MAX_AT_ONCE = 4;
const MAX_TOGETHER_BYTES = 64 * 1024 * 1024;
/** Bodies that wait for it; past that the next is refused. */
const MAX_WAITING = 1_000;
/** Node hands the output over in pieces of this size, each with a turn of the event loop. */
const PIECE_BYTES = 64 * 1024;
const DEFLATE_METHOD = 8;

/** The encoding is none that is known here: 415. */
export class UnknownEncoding extends AppError {
  constructor(name: string) {
    super("protocol", `Content-Encoding ${JSON.stringify(name.slice(0, 32))} is not known here`);
  }
}

/** Undoes encodings. */
export interface Decoder {
  /**
   * @param encoding as `Content-Encoding` says; undefined for none
   * @param maxBytes most that comes of it, where that is less than for any body
   * @throws UnknownEncoding; AppError `too_large`, `protocol` for bytes that are not of that encoding, `overload`
   */
  decode(body: Uint8Array, encoding: string | undefined, maxBytes?: number): Promise<Uint8Array>;
}

/** A body whose turn has not come, and what it may come to. */
interface Waiting {
  bytes: number;
  begin: () => void;
}

type Inflate = (body: Uint8Array, options: ZlibOptions) => Promise<Buffer>;

const brotli = promisify(brotliDecompress);
const zlibWrapped: Inflate = promisify<Uint8Array, ZlibOptions, Buffer>(inflate);
const bare: Inflate = promisify<Uint8Array, ZlibOptions, Buffer>(inflateRaw);
const gzip: Inflate = promisify<Uint8Array, ZlibOptions, Buffer>(gunzip);
const METHODS: Readonly<Record<string, Inflate>> = {
  gzip,
  "x-gzip": gzip,
  // HTTP means zlib's format by it (RFC 9110, section 8.4.1.2); some clients send the bare stream.
  deflate: (body, options) => (isZlib(body) ? zlibWrapped : bare)(body, options),
  br: (body, { maxOutputLength, chunkSize }) =>
    brotli(body, {
      ...(maxOutputLength === undefined ? {} : { maxOutputLength }),
      ...(chunkSize === undefined ? {} : { chunkSize }),
    }),
};

/** A decoder that has nothing to do yet. */
export function createDecoder(maxInflatedBytes = MAX_INFLATED_BYTES): Decoder {
  const waiting: Waiting[] = [];
  let running = 0;
  let runningBytes = 0;

  const fits = (bytes: number) => running === 0 || (running < MAX_AT_ONCE && runningBytes + bytes <= MAX_TOGETHER_BYTES);

  async function inTurn<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    if (waiting.length > 0 || !fits(bytes)) {
      if (waiting.length >= MAX_WAITING) throw new AppError("overload", "too many bodies to inflate");
      await new Promise<void>((begin) => waiting.push({ bytes, begin }));
    } else enter(bytes);
    try {
      return await work();
    } finally {
      running--;
      runningBytes -= bytes;
      for (let next = waiting[0]; next && fits(next.bytes); next = waiting[0]) {
        waiting.shift();
        enter(next.bytes);
        next.begin();
      }
    }
  }

  function enter(bytes: number): void {
    running++;
    runningBytes += bytes;
  }

  return {
    async decode(body, encoding, maxBytes = maxInflatedBytes) {
      const name = (encoding ?? "").trim().toLowerCase();
      if (name === "" || name === "identity") return body;
      const method = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
      if (!method) throw new UnknownEncoding(name);
      const most = Math.min(maxBytes, maxInflatedBytes, Math.max(ALWAYS_BYTES, MAX_RATIO * body.length));
      return inTurn(most, () => method(body, { maxOutputLength: most, chunkSize: PIECE_BYTES })).catch((error: unknown) => {
        throw explain(error, most);
      });
    },
  };
}

/** True for the two bytes with which zlib's format begins (RFC 1950, section 2.2). */
function isZlib(body: Uint8Array): boolean {
  const [first = 0, second = 0] = body;
  return (first & 0x0f) === DEFLATE_METHOD && ((first << 8) | second) % 31 === 0;
}

function explain(error: unknown, maxBytes: number): unknown {
  if (error instanceof AppError) return error;
  if (error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE") {
    return new AppError("too_large", `the body is larger than ${maxBytes} bytes when it is inflated`);
  }
  return new AppError("protocol", "the body is not what Content-Encoding says");
}
