import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { packedBatchSchema, plainBatchSchema } from "./batch.ts";
import { MAX_BATCH_EVENTS, MAX_BATCH_MARKERS, MAX_PAYLOAD_BYTES, MAX_RAW_BYTES } from "./limits.ts";
import { markerSchema } from "./markers.ts";
import { cleanText, text } from "./text.ts";

const packed = { tab: "t", seq: 0, firstAt: 1, lastAt: 2, count: 1, encoding: "json", rawBytes: 2, payload: new Uint8Array(2) };
const marker = { kind: "custom", at: 1 };
const event = { type: 3, timestamp: 1 };

function without(key: keyof typeof packed): object {
  return Object.fromEntries(Object.entries(packed).filter(([name]) => name !== key));
}

describe("a packed batch", () => {
  it.each([
    ["as it should be", packed],
    ["without a tab", without("tab")],
    ["with nothing in it", { ...packed, count: 0, rawBytes: 0, payload: new Uint8Array(0) }],
    ["with one moment", { ...packed, firstAt: 2.25, lastAt: 2.25 }],
    ["with bytes of Node", { ...packed, payload: Buffer.from([1]) }],
    ["with every marker", { ...packed, markers: new Array(MAX_BATCH_MARKERS).fill(marker) }],
    [
      "at its limits",
      { ...packed, count: MAX_BATCH_EVENTS, rawBytes: MAX_RAW_BYTES, payload: new Uint8Array(MAX_PAYLOAD_BYTES) },
    ],
    ["with a field of a later version", { ...packed, later: true }],
  ])("PRO-12 is taken %s", (_name, batch) => {
    expect(v.is(packedBatchSchema, batch)).toBe(true);
  });

  it.each([
    ["no seq", without("seq")],
    ["no encoding", without("encoding")],
    ["no payload", without("payload")],
    ["no raw length", without("rawBytes")],
    ["no time", without("lastAt")],
    ["a negative seq", { ...packed, seq: -1 }],
    ["half a seq", { ...packed, seq: 0.5 }],
    ["a seq beyond whole numbers", { ...packed, seq: 2 ** 53 }],
    ["a seq in text", { ...packed, seq: "0" }],
    ["times in the wrong order", { ...packed, firstAt: 3 }],
    ["a time that is no number", { ...packed, firstAt: NaN }],
    ["an endless time", { ...packed, lastAt: Infinity }],
    ["a time before 1970", { ...packed, firstAt: -1 }],
    ["an unknown encoding", { ...packed, encoding: "gzip" }],
    ["a payload in text", { ...packed, payload: "abc" }],
    ["a payload in numbers", { ...packed, payload: [1, 2] }],
    ["a payload too large", { ...packed, payload: new Uint8Array(MAX_PAYLOAD_BYTES + 1) }],
    ["a raw length too large", { ...packed, rawBytes: MAX_RAW_BYTES + 1 }],
    ["too many events", { ...packed, count: MAX_BATCH_EVENTS + 1 }],
    ["too many markers", { ...packed, markers: new Array(MAX_BATCH_MARKERS + 1).fill(marker) }],
    ["a bad marker", { ...packed, markers: [{ kind: "nonsense", at: 1 }] }],
    ["a bad tab", { ...packed, tab: "../etc" }],
    ["a checkout that is no yes or no", { ...packed, checkout: 1 }],
  ])("PRO-12 is refused with %s", (_name, batch) => {
    expect(v.is(packedBatchSchema, batch)).toBe(false);
  });
});

describe("a plain batch", () => {
  it("PRO-13 keeps the other keys of its events", () => {
    const rich = { ...event, data: { source: 2, deep: [1, { a: null }] }, delay: 4 };
    expect(v.parse(plainBatchSchema, { events: [rich] })).toEqual({ events: [rich], markers: [] });
  });

  it.each([
    ["no events", {}],
    ["an empty list", { events: [] }],
    ["too many events", { events: new Array(MAX_BATCH_EVENTS + 1).fill(event) }],
    ["an event that is none", { events: [null] }],
    ["an event without a type", { events: [{ timestamp: 1 }] }],
    ["a type out of range", { events: [{ ...event, type: 65 }] }],
    ["an event without a time", { events: [{ type: 3 }] }],
    ["a time that is no number", { events: [{ ...event, timestamp: NaN }] }],
    ["an endless time", { events: [{ ...event, timestamp: -Infinity }] }],
  ])("PRO-13 is refused with %s", (_name, batch) => {
    expect(v.is(plainBatchSchema, batch)).toBe(false);
  });

  it("PRO-13 is taken with as many events as there may be", () => {
    expect(v.is(plainBatchSchema, { events: new Array(MAX_BATCH_EVENTS).fill(event) })).toBe(true);
  });
});

describe("text from outside", () => {
  it("PRO-14 is cut, not refused, and mended where a pair was cut", () => {
    expect(v.parse(text(3), "abcdef")).toBe("abc");
    expect(v.parse(text(2), "a😀")).toBe("a\ufffd");
    expect(v.parse(text(3), "a😀")).toBe("a😀");
  });

  it("PRO-8 loses U+0000 and lone surrogates", () => {
    expect(cleanText("a\0b\0\ud83d")).toBe("ab\ufffd");
    expect(cleanText("plain 😀")).toBe("plain 😀");
  });
});

describe("a marker", () => {
  it.each([
    ["of nothing but a kind and a time", marker],
    ["with facts", { ...marker, data: { status: 500, ok: false, url: "/x", none: null } }],
  ])("PRO-24 is taken %s", (_name, value) => {
    expect(v.is(markerSchema, value)).toBe(true);
  });

  it.each([
    ["an unknown kind", { kind: "toString", at: 1 }],
    ["no time", { kind: "click" }],
    ["a name that is no text", { ...marker, name: {} }],
    ["deep facts", { ...marker, data: { a: { b: 1 } } }],
    ["endless facts", { ...marker, data: { a: Infinity } }],
    ["too many facts", { ...marker, data: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, i])) }],
  ])("PRO-24 is refused with %s", (_name, value) => {
    expect(v.is(markerSchema, value)).toBe(false);
  });

  it("PRO-24 has texts of bounded length", () => {
    const long = "x".repeat(100_000);
    const parsed = v.parse(markerSchema, { ...marker, name: long, text: long, stack: long, data: { [long]: long } });
    expect(parsed.name).toHaveLength(256);
    expect(parsed.text).toHaveLength(2_048);
    expect(parsed.stack).toHaveLength(16_384);
    expect(Object.entries(parsed.data ?? {}).map(([key, value]) => [key.length, String(value).length])).toEqual([[64, 1_024]]);
  });
});
