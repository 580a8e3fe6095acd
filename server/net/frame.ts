/** Frames of a socket to messages: the one place where bytes are copied out of uWebSockets.js. */

import { decodeBinary, decodeText, MalformedMessage, type Envelope } from "../../protocol/codec.ts";
import { MAX_CONTROL_BYTES } from "../../protocol/limits.ts";

/** Below this size copies share memory blocks, which is much cheaper than one block each. */
const MAX_POOLED_BYTES = 4_096;

/**
 * Decodes one frame. Byte fields of the result are views of a copy that belongs to the receiver.
 * @param message memory that is taken back after the call
 * @throws MalformedMessage with a reason that is safe to send back
 */
export function decodeFrame(message: ArrayBuffer, isBinary: boolean): Envelope {
  const envelope = isBinary ? decodeBinary(copyOf(message)) : decodeText(Buffer.from(message).toString("utf8"));
  if (message.byteLength > MAX_CONTROL_BYTES && envelope.type !== "events_batch") {
    throw new MalformedMessage(`${envelope.type.slice(0, 64)} is larger than ${MAX_CONTROL_BYTES} bytes`);
  }
  return envelope;
}

function copyOf(message: ArrayBuffer): Uint8Array {
  if (message.byteLength > MAX_POOLED_BYTES) return new Uint8Array(message.slice(0));
  const copy = Buffer.allocUnsafe(message.byteLength);
  copy.set(new Uint8Array(message));
  return copy;
}
