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

/** Bytes of the length before each message. */
const HEAD = 4;

/**
 * Cuts a stream of bytes back into messages, whatever the pieces it arrives in.
 *
 * Whole messages in a piece are views of it; only a message that is spread over pieces is copied, once, into memory that grows with
 * what has really come.
 */
export class FrameReader {
  /** The begun message with its length in front; `have` bytes of it are here. */
  private begun = new Uint8Array(1024);
  private have = 0;
  private readonly maxBytes: number;

  /** @param maxBytes largest message taken; a longer one throws a RangeError */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /**
   * Takes a piece and returns the messages it completes, as views of memory that is not written again.
   * @throws RangeError where a message says that it is longer than `maxBytes`
   */
  push(piece: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = [];
    let at = 0;
    while (at < piece.length) {
      if (this.have === 0) {
        const end = at + HEAD + (piece.length - at >= HEAD ? this.lengthAt(piece, at) : 0);
        if (end <= piece.length && piece.length - at >= HEAD) {
          messages.push(piece.subarray(at + HEAD, end));
          at = end;
          continue;
        }
      }
      at += this.keep(piece, at, HEAD);
      if (this.have < HEAD) break;
      const whole = HEAD + this.lengthAt(this.begun, 0);
      at += this.keep(piece, at, whole);
      if (this.have < whole) break;
      messages.push(this.begun.subarray(HEAD, whole));
      this.begun = new Uint8Array(1024);
      this.have = 0;
    }
    return messages;
  }

  /** True where every byte so far belongs to a whole message. */
  get isWhole(): boolean {
    return this.have === 0;
  }

  /** Copies from `piece` until `upTo` bytes of the begun message are here; returns how many it copied. */
  private keep(piece: Uint8Array, at: number, upTo: number): number {
    const count = Math.min(Math.max(0, upTo - this.have), piece.length - at);
    if (this.have + count > this.begun.length) {
      const grown = new Uint8Array(Math.max(this.have + count, Math.min(this.begun.length * 2, upTo)));
      grown.set(this.begun.subarray(0, this.have));
      this.begun = grown;
    }
    this.begun.set(piece.subarray(at, at + count), this.have);
    this.have += count;
    return count;
  }

  private lengthAt(bytes: Uint8Array, at: number): number {
    const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);
    if (length > this.maxBytes) throw new RangeError(`a message of ${length} bytes is over the limit of ${this.maxBytes}`);
    return length;
  }
}
