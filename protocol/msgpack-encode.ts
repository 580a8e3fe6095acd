/**
 * A MessagePack encoder small enough for the page: nil, booleans, numbers, strings, binary, arrays and maps.
 * Format: github.com/msgpack/msgpack/blob/master/spec.md. The server and the viewer read it with msgpackr.
 */

/** What can be packed. `undefined` map values are left out, as JSON does. */
export type Packable =
  null | undefined | boolean | number | string | Uint8Array | readonly Packable[] | { readonly [key: string]: Packable };

const utf8 = new TextEncoder();

interface Sink {
  u8: (value: number) => void;
  u16: (tag: number, value: number) => void;
  u32: (tag: number, value: number) => void;
  f64: (value: number) => void;
  raw: (bytes: Uint8Array) => void;
  take: () => Uint8Array<ArrayBuffer>;
}

/** No class: what a build for old browsers makes of its fields is longer than all of this. */
function createSink(): Sink {
  let bytes = new Uint8Array(1024);
  let view = new DataView(bytes.buffer);
  let end = 0;

  function reserve(count: number): number {
    const start = end;
    end += count;
    if (end > bytes.length) {
      const grown = new Uint8Array(Math.max(end, bytes.length * 2));
      grown.set(bytes);
      bytes = grown;
      view = new DataView(grown.buffer);
    }
    return start;
  }

  function u8(value: number): void {
    const start = reserve(1);
    bytes[start] = value;
  }

  return {
    u8,
    u16(tag, value) {
      u8(tag);
      const start = reserve(2);
      view.setUint16(start, value);
    },
    u32(tag, value) {
      u8(tag);
      const start = reserve(4);
      view.setUint32(start, value);
    },
    f64(value) {
      u8(0xcb);
      const start = reserve(8);
      view.setFloat64(start, value);
    },
    raw(more) {
      const start = reserve(more.length);
      bytes.set(more, start);
    },
    take: () => bytes.slice(0, end),
  };
}

/** Packs one value. Integers outside 32 bits travel as float64, which holds every epoch millisecond exactly. */
export function packMessage(value: Packable): Uint8Array<ArrayBuffer> {
  const sink = createSink();
  write(sink, value);
  return sink.take();
}

function write(sink: Sink, value: Packable): void {
  if (value === null || value === undefined) sink.u8(0xc0);
  else if (typeof value === "boolean") sink.u8(value ? 0xc3 : 0xc2);
  else if (typeof value === "number") writeNumber(sink, value);
  else if (typeof value === "string") writeString(sink, value);
  else if (value instanceof Uint8Array) writeBinary(sink, value);
  else if (isArray(value)) {
    writeSize(sink, value.length, 0x90, 0xdc);
    for (const item of value) write(sink, item);
  } else {
    const keys = Object.keys(value).filter((key) => value[key] !== undefined);
    writeSize(sink, keys.length, 0x80, 0xde);
    for (const key of keys) {
      writeString(sink, key);
      write(sink, value[key]);
    }
  }
}

function isArray(value: Packable): value is readonly Packable[] {
  return Array.isArray(value);
}

function writeNumber(sink: Sink, value: number): void {
  if (!Number.isInteger(value) || value < -0x80000000 || value > 0xffffffff || Object.is(value, -0)) sink.f64(value);
  else if (value >= 0) {
    if (value < 128) sink.u8(value);
    else if (value < 65536) sink.u16(0xcd, value);
    else sink.u32(0xce, value);
  } else if (value >= -32) sink.u8(value & 0xff);
  else sink.u32(0xd2, value >>> 0);
}

function writeString(sink: Sink, text: string): void {
  const bytes = utf8.encode(text);
  const length = bytes.length;
  if (length < 32) sink.u8(0xa0 | length);
  else if (length < 65536) sink.u16(0xda, length);
  else sink.u32(0xdb, length);
  sink.raw(bytes);
}

function writeBinary(sink: Sink, bytes: Uint8Array): void {
  if (bytes.length < 65536) sink.u16(0xc5, bytes.length);
  else sink.u32(0xc6, bytes.length);
  sink.raw(bytes);
}

function writeSize(sink: Sink, size: number, fixed: number, wide: number): void {
  if (size < 16) sink.u8(fixed | size);
  else if (size < 65536) sink.u16(wide, size);
  else sink.u32(wide + 1, size);
}
