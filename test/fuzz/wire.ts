/** Frames as RFC 6455 describes them, and as it forbids them. */

import { randomBytes } from "node:crypto";
import type { Random } from "../loss/random.ts";
import { concat } from "./nasty.ts";
import type { Message } from "./messages.ts";

/** How a frame is written; what is not said is as it should be. */
export interface FrameShape {
  fin?: boolean;
  /** The three reserved bits, as a number from 0 to 7. */
  reserved?: number;
  isMasked?: boolean;
  /** The length that the frame claims, where it is not its own. */
  claimed?: bigint;
  /** Write the length in this many bytes (0, 2 or 8), whether it needs them or not. */
  lengthBytes?: 0 | 2 | 8;
}

/** One frame from a client. */
export function frame(opcode: number, payload: Uint8Array = new Uint8Array(0), shape: FrameShape = {}): Uint8Array<ArrayBuffer> {
  const { fin = true, reserved = 0, isMasked = true } = shape;
  const length = shape.claimed ?? BigInt(payload.length);
  const lengthBytes = shape.lengthBytes ?? (length < 126n ? 0 : length < 65_536n ? 2 : 8);
  const head = Buffer.alloc(2 + lengthBytes);
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const short = lengthBytes === 0 ? Number(length) : lengthBytes === 2 ? 126 : 127;
  head[1] = (isMasked ? 0x80 : 0) | short;
  if (lengthBytes === 2) head.writeUInt16BE(Number(length), 2);
  if (lengthBytes === 8) head.writeBigUInt64BE(BigInt.asUintN(64, length), 2);
  if (!isMasked) return concat(head, payload);
  const key = randomBytes(4);
  const masked = Uint8Array.from(payload);
  for (let i = 0; i < masked.length; i++) masked[i] = (masked[i] ?? 0) ^ (key[i & 3] ?? 0);
  return concat(head, key, masked);
}

/** A message in frames: mostly as it should be, sometimes in fragments, sometimes in ways that end the connection. */
export function hostileFrame(random: Random, { isBinary, bytes }: Message): Uint8Array {
  const opcode = isBinary ? 2 : 1;
  const kind = random.between(0, 399);
  if (kind < 300) return frame(opcode, bytes);
  if (kind < 370) return fragments(random, opcode, bytes);
  if (kind < 390) return concat(frame(9, bytes.subarray(0, 125)), frame(opcode, bytes));
  switch (kind) {
    case 390:
      return frame(opcode, bytes, { isMasked: false });
    case 391:
      return frame(random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), bytes);
    case 392:
      return frame(opcode, bytes, { reserved: random.between(1, 7) });
    case 393:
      return frame(0, bytes);
    case 394:
      return frame(opcode, bytes, { claimed: random.pick([2n ** 63n, 2n ** 64n - 1n, 2n ** 32n, 9_000_000n]) });
    case 395:
      return frame(8, bytes.subarray(0, random.between(0, 125)));
    case 396:
      return frame(9, concat(bytes, new Uint8Array(126)));
    case 397:
      return frame(opcode, bytes, { lengthBytes: 8 });
    case 398:
      return frame(1, concat(bytes, Uint8Array.of(0xc3, 0x28)));
    default:
      return frame(opcode, bytes).subarray(0, random.between(1, 12));
  }
}

function fragments(random: Random, opcode: number, bytes: Uint8Array): Uint8Array {
  const count = random.between(2, 5);
  const size = Math.max(1, Math.ceil(bytes.length / count));
  const frames: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const fin = i === count - 1 && !random.chance(0.05);
    frames.push(frame(i === 0 ? opcode : 0, bytes.subarray(i * size, (i + 1) * size), { fin }));
    if (random.chance(0.2)) frames.push(frame(9, new Uint8Array(3)));
    if (random.chance(0.02)) frames.push(frame(opcode, bytes.subarray(0, 10)));
  }
  return concat(...frames);
}
