/**
 * Messages in a row, where there is no WebSocket to keep them apart: the HTTP ingest body and the batches route.
 * Each is a big-endian uint32 length and that many bytes of MessagePack.
 */

/** Puts each message behind its length. */
export function joinFrames(messages: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let total = 0;
  for (const message of messages) total += 4 + message.length;
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const message of messages) {
    view.setUint32(at, message.length);
    out.set(message, at + 4);
    at += 4 + message.length;
  }
  return out;
}

/** Cuts a stream of bytes back into messages, whatever the pieces it arrives in. */
export class FrameReader {
  private held: Uint8Array = new Uint8Array(0);
  private readonly maxBytes: number;

  /** @param maxBytes largest message taken; a longer one throws a RangeError */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Takes a piece and returns the messages it completes, as views of memory that is not written again. */
  push(piece: Uint8Array): Uint8Array[] {
    const bytes = this.held.length === 0 ? piece : concat(this.held, piece);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const messages: Uint8Array[] = [];
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = view.getUint32(at);
      if (length > this.maxBytes) throw new RangeError(`a message of ${length} bytes is over the limit of ${this.maxBytes}`);
      if (bytes.length - at - 4 < length) break;
      messages.push(bytes.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    this.held = bytes.subarray(at);
    return messages;
  }

  /** True where every byte so far belongs to a whole message. */
  get isWhole(): boolean {
    return this.held.length === 0;
  }
}

function concat(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const out = new Uint8Array(head.length + tail.length);
  out.set(head);
  out.set(tail, head.length);
  return out;
}
