import { Packr, Unpackr } from "msgpackr";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findMsgpackFault } from "./msgpack-check.ts";
import { packMessage, type Packable } from "./msgpack-encode.ts";

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "number" });

/** Anything a page may send: every scalar, bytes, and trees of them under plain keys. */
const packable = fc.letrec<{ value: Packable }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }),
    fc.string({ unit: "binary" }),
    fc.uint8Array({ maxLength: 70 }),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(fc.string({ unit: "grapheme", maxLength: 8 }).filter(isPlainKey), tie("value"), {
      maxKeys: 20,
      noNullPrototype: true,
    }),
  ),
})).value;

function isPlainKey(key: string): boolean {
  return key !== "__proto__";
}

/** Buffers as plain bytes, so that two trees compare by content. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: [...value] };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return value;
}

describe("packMessage", () => {
  it("PRO-2 is read back by msgpackr as it was, and passes the check of frames", () => {
    fc.assert(
      fc.property(packable, (value) => {
        const bytes = packMessage(value);
        expect(findMsgpackFault(bytes)).toBeNull();
        expect(plain(unpackr.unpack(bytes))).toEqual(plain(value));
      }),
      { numRuns: 500 },
    );
  });

  it("PRO-2 says the same as msgpackr does, but for the sign of zero, which msgpackr loses", () => {
    const packr = new Packr({ useRecords: false, variableMapSize: true });
    const unsigned = (value: unknown): unknown => JSON.parse(JSON.stringify({ value: plain(value) }));
    fc.assert(
      fc.property(packable, (value) => {
        expect(unsigned(unpackr.unpack(packMessage(value)))).toEqual(unsigned(unpackr.unpack(packr.pack(value))));
      }),
      { numRuns: 300, examples: [[-0]] },
    );
  });

  it.each([
    0,
    1,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    0xffff_ffff,
    0x1_0000_0000,
    Number.MAX_SAFE_INTEGER,
    -1,
    -32,
    -33,
    -128,
    -129,
    -32_768,
    -0x8000_0000,
    -0x8000_0001,
    Number.MIN_SAFE_INTEGER,
    0.1,
    -0,
    Infinity,
    -Infinity,
    NaN,
    1_763_711_111_111,
    1_763_711_111_111.25,
  ])("PRO-2 keeps the number %d", (value) => {
    expect(unpackr.unpack(packMessage(value))).toBe(value);
  });

  it.each([0, 1, 31, 32, 255, 256, 65_535, 65_536, 200_000])("PRO-2 keeps text, bytes and arrays of %d", (size) => {
    const text = "é".repeat(size >> 1) + "a".repeat(size & 1);
    const bytes = new Uint8Array(size).fill(7);
    const list = new Array<number>(size).fill(3);
    expect(unpackr.unpack(packMessage(text))).toBe(text);
    expect(plain(unpackr.unpack(packMessage(bytes)))).toEqual(plain(bytes));
    expect(unpackr.unpack(packMessage(list))).toEqual(list);
  });

  it.each([0, 15, 16, 65_535, 65_536])("PRO-2 keeps a map of %d keys", (size) => {
    const map = Object.fromEntries(Array.from({ length: size }, (_, i) => [`k${i}`, i]));
    expect(unpackr.unpack(packMessage(map))).toEqual(map);
  });

  it("PRO-2 leaves out map values that are undefined", () => {
    expect(unpackr.unpack(packMessage({ a: undefined, b: 1 }))).toEqual({ b: 1 });
  });

  it("PRO-8 mends lone surrogates on the way out", () => {
    expect(unpackr.unpack(packMessage("a\ud800b"))).toBe("a\ufffdb");
  });
});
