import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { MAX_RAW_BYTES } from "../../protocol/limits.ts";
import { DamagedBatch, inflateEvents } from "./inflate.ts";

const EVENTS = [{ type: 4, timestamp: 1, data: { href: "x" } }];
const pack = (text: string, rawBytes = Buffer.byteLength(text)) => ({
  encoding: "deflate-raw" as const,
  rawBytes,
  payload: deflateRawSync(text),
});

describe("inflateEvents", () => {
  it("REP-10 reads either encoding", async () => {
    const json = JSON.stringify(EVENTS);
    expect(await inflateEvents(pack(json))).toEqual(EVENTS);
    expect(await inflateEvents({ encoding: "json", rawBytes: json.length, payload: Buffer.from(json) })).toEqual(EVENTS);
  });

  it("REP-10 stops at the length that the header says", async () => {
    const bomb = pack("[" + " ".repeat(20_000_000) + "]", 1_000);
    expect(bomb.payload.length).toBeLessThan(25_000);
    await expect(inflateEvents(bomb)).rejects.toThrow(DamagedBatch);
    await expect(inflateEvents({ ...bomb, rawBytes: 0 })).rejects.toThrow(DamagedBatch);
    await expect(inflateEvents({ encoding: "json", rawBytes: 3, payload: Buffer.from("[  ]") })).rejects.toThrow(DamagedBatch);
  });

  it("REP-10 stops at MAX_RAW_BYTES whatever the header says", async () => {
    const bomb = pack("[" + " ".repeat(MAX_RAW_BYTES) + "]", 2 ** 31 - 1);
    await expect(inflateEvents(bomb)).rejects.toThrow(DamagedBatch);
  });

  it("REP-10 refuses deep nesting, and is not misled by brackets in strings", async () => {
    const deep = `[{"type":3,"timestamp":1,"data":${"[".repeat(100_000)}${"]".repeat(100_000)}}]`;
    await expect(inflateEvents(pack(deep))).rejects.toThrow(DamagedBatch);
    const harmless = JSON.stringify([{ type: 3, timestamp: 1, data: `"\\${"[".repeat(10_000)}` }]);
    expect(await inflateEvents(pack(harmless))).toHaveLength(1);
  });

  it("REP-10 refuses what is no array, and leaves out what is no event", async () => {
    await expect(inflateEvents(pack("{}"))).rejects.toThrow(DamagedBatch);
    await expect(inflateEvents(pack("[1,"))).rejects.toThrow(DamagedBatch);
    await expect(inflateEvents({ encoding: "deflate-raw", rawBytes: 100, payload: Buffer.from("garbage!") })).rejects.toThrow(
      DamagedBatch,
    );
    const mixed = JSON.stringify([null, 1, "x", {}, { type: "3", timestamp: 1 }, { type: 3 }, ...EVENTS]);
    expect(await inflateEvents(pack(mixed))).toEqual(EVENTS);
  });
});
