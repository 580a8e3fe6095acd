/**
 * WebSocket frames by hand (RFC 6455, section 5), for a load generator that must cost far less than what it measures. A client may
 * choose any masking key; the key zero leaves the payload as it is, so that a ready frame can be patched in place and sent again.
 */

export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A whole client frame, with masking key zero. */
export function clientFrame(opcode: number, payload: Uint8Array): Buffer {
  const length = payload.length;
  const head = headBytes(length);
  const frame = Buffer.alloc(head + 4 + length);
  frame[0] = 0x80 | opcode;
  if (length < 126) frame[1] = 0x80 | length;
  else if (length < 65_536) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.set(payload, head + 4);
  return frame;
}

/** Where the payload of a client frame of `length` payload bytes begins. */
export function clientPayloadOffset(length: number): number {
  return headBytes(length) + 4;
}

function headBytes(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** Called with each whole frame; `payload` is only good until it returns. */
export type FrameHandler = (opcode: number, payload: Buffer) => void;

/** Cuts what a server sends into frames, whatever the pieces it arrives in. Servers do not mask; fragments are not joined. */
export class ServerFrameParser {
  private held: Buffer | null = null;
  private readonly onFrame: FrameHandler;

  constructor(onFrame: FrameHandler) {
    this.onFrame = onFrame;
  }

  /** Takes a piece; memory that is written again afterwards is fine. */
  push(piece: Buffer): void {
    const bytes = this.held === null ? piece : Buffer.concat([this.held, piece]);
    let at = 0;
    while (bytes.length - at >= 2) {
      const short = (bytes[at + 1] ?? 0) & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (bytes.length - at < head) break;
      const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
      if (bytes.length - at - head < length) break;
      this.onFrame((bytes[at] ?? 0) & 0x0f, bytes.subarray(at + head, at + head + length));
      at += head + length;
    }
    this.held = at === bytes.length ? null : Buffer.from(bytes.subarray(at));
  }
}
