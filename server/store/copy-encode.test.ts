import { describe, expect, it } from "vitest";
import { CopyEncoder, UnstorableRow } from "./copy-encode.ts";
import { errorId, toUuidText } from "./error-id.ts";
import type { BatchRow } from "./store.ts";

const AT = Date.parse("2026-11-20T10:00:00.123Z");

function row(over: Partial<BatchRow> = {}): BatchRow {
  return {
    sessionId: "0193-abc",
    tab: "t1",
    seq: 7,
    projectId: 3,
    startedOn: "2026-11-20",
    receivedAt: AT,
    firstAt: AT - 0.5,
    lastAt: AT + 0.25,
    count: 20,
    checkout: true,
    encoding: "deflate-raw",
    rawBytes: 9_000,
    payload: Uint8Array.of(1, 2, 3),
    markers: [],
    url: "https://shop.example/",
    ...over,
  };
}

/** The fields of each row. */
function readRows(copy: Buffer): Buffer[][] {
  expect(copy.subarray(0, 11).toString("latin1")).toBe("PGCOPY\n\u00ff\r\n\0");
  const rows: Buffer[][] = [];
  let at = 19;
  for (;;) {
    const fields = copy.readInt16BE(at);
    at += 2;
    if (fields === -1) break;
    const read: Buffer[] = [];
    for (let i = 0; i < fields; i++) {
      const length = copy.readInt32BE(at);
      read.push(copy.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    rows.push(read);
  }
  expect(at).toBe(copy.length);
  return rows;
}

describe("rows as binary COPY", () => {
  it("STO-1 a batch is twelve fields of the right width and value", () => {
    const [fields] = readRows(new CopyEncoder().encodeEvents([row()]));
    expect(fields?.map((field) => field.length)).toEqual([8, 2, 4, 4, 8, 8, 8, 4, 1, 2, 4, 3]);
    const [sessionId, tab, seq, day, receivedAt, firstAt, lastAt, count, checkout, encoding, rawBytes, payload] = fields ?? [];
    expect(sessionId?.toString()).toBe("0193-abc");
    expect(tab?.toString()).toBe("t1");
    expect(seq?.readInt32BE()).toBe(7);
    expect(day?.readInt32BE()).toBe((Date.parse("2026-11-20") - Date.parse("2000-01-01")) / 86_400_000);
    expect(receivedAt?.readBigInt64BE()).toBe(BigInt(AT - Date.parse("2000-01-01")) * 1000n);
    expect(firstAt?.readDoubleBE()).toBe(AT - 0.5);
    expect(lastAt?.readDoubleBE()).toBe(AT + 0.25);
    expect(count?.readInt32BE()).toBe(20);
    expect(checkout?.[0]).toBe(1);
    expect(encoding?.readInt16BE()).toBe(1);
    expect(rawBytes?.readInt32BE()).toBe(9_000);
    expect([...(payload ?? [])]).toEqual([1, 2, 3]);
  });

  it("STO-1 times before 2000 and fractions of a millisecond hold", () => {
    const [fields] = readRows(new CopyEncoder().encodeEvents([row({ receivedAt: -0.25, startedOn: "1969-12-31" })]));
    expect(fields?.[4]?.readBigInt64BE()).toBe(-946_684_800_000_250n);
    expect(fields?.[3]?.readInt32BE()).toBe(-10_958);
  });

  it("STO-1 many rows and a large one make the buffer grow, byte for byte", () => {
    const encoder = new CopyEncoder();
    const large = new Uint8Array(9 * 1024 * 1024).fill(5);
    const rows = Array.from({ length: 300 }, (_, seq) => row({ seq, payload: new Uint8Array(2_000).fill(seq) }));
    rows.splice(150, 0, row({ seq: 999, payload: large }));
    const bytes = encoder.encodeEvents(rows);
    const read = readRows(bytes);
    expect(read.map((fields) => fields[2]?.readInt32BE())).toEqual(rows.map(({ seq }) => seq));
    expect(read.every((fields, index) => fields[11]?.equals(rows[index]?.payload ?? large))).toBe(true);
    expect(readRows(encoder.encodeEvents([row()]))).toHaveLength(1);
  });

  it("STO-1 no rows are a header and an end", () => {
    expect(readRows(new CopyEncoder().encodeEvents([]))).toEqual([]);
  });

  it("STO-2 markers carry their place in the batch, and errors also make an occurrence", () => {
    const encoder = new CopyEncoder();
    const rows = [
      row({ markers: [{ kind: "click", at: AT }] }),
      row({
        seq: 8,
        markers: [
          { kind: "navigation", at: AT },
          { kind: "error", at: AT, name: "TypeError", text: "x", stack: "at y" },
        ],
      }),
    ];
    const markers = readRows(encoder.encodeMarkers(rows));
    expect(markers.map((fields) => [fields[2]?.readInt32BE(), fields[3]?.readInt16BE(), fields[6]?.toString()])).toEqual([
      [7, 0, "click"],
      [8, 0, "navigation"],
      [8, 1, "error"],
    ]);
    const [occurrence] = readRows(encoder.encodeErrors(rows));
    expect(occurrence?.[0]).toEqual(errorId("0193-abc", "t1", 8, 1));
    expect(occurrence?.slice(9, 13).map(String)).toEqual(["TypeError", "x", "at y", "https://shop.example/"]);
  });

  it("STO-2 the id of an occurrence is a UUID of its place, the same each time", () => {
    const id = toUuidText(errorId("s", "t", 1, 2));
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(toUuidText(errorId("s", "t", 1, 2))).toBe(id);
    expect(toUuidText(errorId("s", "t", 1, 3))).not.toBe(id);
  });

  it("STO-3 U+0000 and lone surrogates never reach text or jsonb", () => {
    const marker = {
      kind: "custom" as const,
      at: AT,
      name: "a\u0000b",
      text: "\ud800x",
      data: { "k\u0000": "v\udc00\u0000", n: 1 },
    };
    const [fields] = readRows(new CopyEncoder().encodeMarkers([row({ markers: [marker] })]));
    expect(fields?.[8]?.toString()).toBe("ab");
    expect(fields?.[9]?.toString()).toBe("\ufffdx");
    expect(fields?.[10]?.[0]).toBe(1);
    expect(JSON.parse(fields?.[10]?.subarray(1).toString() ?? "")).toEqual({ k: "v\ufffd", n: 1 });
  });

  it.each([
    ["seq", { seq: 2 ** 31 }],
    ["seq", { seq: -1 }],
    ["count", { count: Number.NaN }],
    ["rawBytes", { rawBytes: 2 ** 40 }],
    ["receivedAt", { receivedAt: Number.POSITIVE_INFINITY }],
    ["startedOn", { startedOn: "soon" }],
  ])("STO-4 a %s that no column takes is refused before it is sent", (name, over) => {
    expect(() => new CopyEncoder().encodeEvents([row(over)])).toThrow(UnstorableRow);
    expect(() => new CopyEncoder().encodeEvents([row(over)])).toThrow(name);
  });
});
