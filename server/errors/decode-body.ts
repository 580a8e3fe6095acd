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
/** Bodies that are inflated at once to {@link ALWAYS_BYTES}, and those that turned out to be longer, for which nobody should wait. */
const LANES = { short: 4, long: 1 } as const;
/** Bodies that wait in a lane; past that the next is refused. */
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
  const lanes = { short: createLane(LANES.short), long: createLane(LANES.long) };
  return {
    async decode(body, encoding, maxBytes = maxInflatedBytes) {
      const name = (encoding ?? "").trim().toLowerCase();
      if (name === "" || name === "identity") return body;
      const method = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
      if (!method) throw new UnknownEncoding(name);
      const most = Math.min(maxBytes, maxInflatedBytes, Math.max(ALWAYS_BYTES, MAX_RATIO * body.length));
      const inflateTo = (maxOutputLength: number) => () => method(body, { maxOutputLength, chunkSize: PIECE_BYTES });
      try {
        return await lanes.short(inflateTo(Math.min(most, ALWAYS_BYTES)));
      } catch (error) {
        if (most <= ALWAYS_BYTES || !isTooLong(error)) throw explain(error, most);
      }
      return lanes.long(inflateTo(most)).catch((error: unknown) => {
        throw explain(error, most);
      });
    },
  };
}

/** Does so much at once; the rest waits in the order in which it came. */
function createLane(maxAtOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= maxAtOnce) {
      if (waiting.length >= MAX_WAITING) throw new AppError("overload", "too many bodies to inflate");
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}

/** True for the two bytes with which zlib's format begins (RFC 1950, section 2.2). */
function isZlib(body: Uint8Array): boolean {
  const [first = 0, second = 0] = body;
  return (first & 0x0f) === DEFLATE_METHOD && ((first << 8) | second) % 31 === 0;
}

function explain(error: unknown, maxBytes: number): unknown {
  if (error instanceof AppError) return error;
  if (isTooLong(error)) {
    return new AppError("too_large", `the body is larger than ${maxBytes} bytes when it is inflated`);
  }
  return new AppError("protocol", "the body is not what Content-Encoding says");
}

function isTooLong(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}
