/** The body of `/store/`: an event as JSON, or, from SDKs of the first years, base64 of a zlib stream. */

import { AppError } from "../app-error.ts";
import type { Decoder } from "./decode-body.ts";

const OPEN_BRACE = 0x7b;
const SPACE = 0x20;
/** Most bytes of the event, and so of anything that it is packed into. It is looked through where everybody waits. */
export const MAX_STORED_BYTES = 4 * 1024 * 1024;
/** Base64 may have line ends; they are all that may be in it besides. */
const BASE64 = /^[A-Za-z0-9+/=\r\n]+$/;

/**
 * The event's bytes.
 * @param body at most {@link MAX_STORED_BYTES}
 * @throws AppError `protocol` for what is neither, and what {@link Decoder.decode} throws
 */
export async function unwrapStoredEvent(body: Uint8Array, decoder: Decoder): Promise<Uint8Array> {
  let at = 0;
  while (at < body.length && (body[at] ?? 0) <= SPACE) at++;
  if (body[at] === OPEN_BRACE) return body.subarray(at);
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
  if (!BASE64.test(text)) throw new AppError("protocol", "the body is neither JSON nor base64");
  const inflated = await decoder.decode(Buffer.from(text, "base64"), "deflate", MAX_STORED_BYTES);
  if (inflated[0] !== OPEN_BRACE) throw new AppError("protocol", "the body is not an event");
  return inflated;
}
