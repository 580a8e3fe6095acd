/**
 * A look at a binary frame before it is unpacked: well formed to the last byte, not too deep, no length that the frame does not hold,
 * text that is UTF-8, keys that are text, and none of the extensions (some of which make objects of classes, or run a parser).
 * Format: github.com/msgpack/msgpack/blob/master/spec.md. A payload is stepped over, so its size costs nothing.
 */

import { MAX_DEPTH } from "./limits.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** What is wrong with a frame, in words that are safe to send back; null where nothing is. */
export function findMsgpackFault(bytes: Uint8Array): string | null {
  try {
    new Walk(bytes).run();
    return null;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

class Fault extends Error {}

/** Steps over one value after the other; open arrays and maps are on a stack of its own, so that depth costs no call stack. */
class Walk {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private at = 0;
  /** For each open array or map: values still to come in it; a map's are counted as 2 each, so that an even rest means a key. */
  private readonly open: number[] = [];
  private readonly isMap: boolean[] = [];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): void {
    do {
      const top = this.open.length - 1;
      const rest = this.open[top] ?? 0;
      const wantsKey = top >= 0 && this.isMap[top] === true && rest % 2 === 0;
      if (top >= 0) this.open[top] = rest - 1;
      this.value(wantsKey);
      while (this.open.length > 0 && this.open[this.open.length - 1] === 0) {
        this.open.pop();
        this.isMap.pop();
      }
    } while (this.open.length > 0);
    if (this.at !== this.bytes.length) throw new Fault("bytes after the end of the message");
  }

  private value(wantsKey: boolean): void {
    const tag = this.size(1);
    if ((tag & 0xe0) === 0xa0) this.text(tag & 0x1f);
    else if (tag === 0xd9) this.text(this.size(1));
    else if (tag === 0xda) this.text(this.size(2));
    else if (tag === 0xdb) this.text(this.size(4));
    else if (wantsKey) throw new Fault("a map key that is not text");
    else if (tag < 0x80 || tag >= 0xe0) return;
    else if (tag < 0x90) this.enter((tag & 0x0f) * 2, true);
    else if (tag < 0xa0) this.enter(tag & 0x0f, false);
    else this.wideValue(tag);
  }

  private wideValue(tag: number): void {
    switch (tag) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return;
      case 0xc4:
        return this.skip(this.size(1));
      case 0xc5:
        return this.skip(this.size(2));
      case 0xc6:
        return this.skip(this.size(4));
      case 0xcc:
      case 0xd0:
        return this.skip(1);
      case 0xcd:
      case 0xd1:
        return this.skip(2);
      case 0xca:
      case 0xce:
      case 0xd2:
        return this.skip(4);
      case 0xcb:
      case 0xcf:
      case 0xd3:
        return this.skip(8);
      case 0xdc:
        return this.enter(this.size(2), false);
      case 0xdd:
        return this.enter(this.size(4), false);
      case 0xde:
        return this.enter(this.size(2) * 2, true);
      case 0xdf:
        return this.enter(this.size(4) * 2, true);
      case 0xd4:
        // The one extension that usual packers write without being asked: `undefined`, as type 0 and value 0.
        if (this.size(2) === 0) return;
        throw new Fault("a MessagePack extension");
      default:
        throw new Fault(tag === 0xc1 ? "a byte that MessagePack never uses" : "a MessagePack extension");
    }
  }

  private size(width: 1 | 2 | 4): number {
    const start = this.at;
    this.skip(width);
    return width === 1 ? this.view.getUint8(start) : width === 2 ? this.view.getUint16(start) : this.view.getUint32(start);
  }

  private skip(count: number): void {
    if (count > this.bytes.length - this.at) throw new Fault("the message ends too early");
    this.at += count;
  }

  private text(length: number): void {
    const start = this.at;
    this.skip(length);
    for (let i = start; i < this.at; i++) {
      if ((this.bytes[i] ?? 0) < 0x80) continue;
      try {
        utf8.decode(this.bytes.subarray(start, this.at));
      } catch {
        throw new Fault("text that is not UTF-8");
      }
      return;
    }
  }

  private enter(count: number, isMap: boolean): void {
    // Each value takes a byte at least, so a count beyond the rest of the frame is a lie.
    if (count > this.bytes.length - this.at) throw new Fault("the message ends too early");
    if (count === 0) return;
    if (this.open.length >= MAX_DEPTH) throw new Fault(`nested deeper than ${MAX_DEPTH}`);
    this.open.push(count);
    this.isMap.push(isMap);
  }
}
