/** Frames of a socket to messages: the one place where bytes are copied out of uWebSockets.js. */

import { decodeBinary, decodeText, MalformedMessage, type Envelope } from "../../protocol/codec.ts";
import { MAX_CONTROL_BYTES } from "../../protocol/limits.ts";

/**
 * Decodes one frame. Byte fields of the result are views of a copy that belongs to the receiver.
 * @param message memory that is taken back after the call
 * @throws MalformedMessage with a reason that is safe to send back
 */
export function decodeFrame(message: ArrayBuffer, isBinary: boolean): Envelope {
  // A block of its own for each: from a shared pool, the one batch that a tail keeps would hold on to the memory of its neighbours.
  const envelope = isBinary
    ? decodeBinary(new Uint8Array(new Uint8Array(message)))
    : decodeText(Buffer.from(message).toString("utf8"));
  if (message.byteLength > MAX_CONTROL_BYTES && envelope.type !== "events_batch") {
    throw new MalformedMessage(`${envelope.type.slice(0, 64)} is larger than ${MAX_CONTROL_BYTES} bytes`);
  }
  return envelope;
}
