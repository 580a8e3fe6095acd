import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { BrokenPayload, readEvents } from "./inflate.ts";
import { sampleScroll } from "./sample-batches.ts";

function packed(value: unknown, rawBytes?: number) {
  const raw = Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
  return { encoding: "deflate-raw" as const, rawBytes: rawBytes ?? raw.length, payload: new Uint8Array(deflateRawSync(raw)) };
}

describe("payloads", () => {
  it("VIE-7 are read in both encodings", async () => {
    const events = [sampleScroll(1), sampleScroll(2)];
    expect(await readEvents(packed(events))).toEqual(events);
    const payload = new TextEncoder().encode(JSON.stringify(events));
    expect(await readEvents({ encoding: "json", rawBytes: payload.length, payload })).toEqual(events);
  });

  it("VIE-7 stop inflating at the size that was announced", async () => {
    const bomb = packed("[" + "0,".repeat(5_000_000) + "0]", 1_000);
    expect(bomb.payload.length).toBeLessThan(50_000);
    await expect(readEvents(bomb)).rejects.toThrow(BrokenPayload);
  });

  it("VIE-7 are refused where they are not what they say, and lose what is no event", async () => {
    await expect(readEvents(packed({ not: "a list" }))).rejects.toThrow(BrokenPayload);
    await expect(readEvents(packed("[{"))).rejects.toThrow(BrokenPayload);
    await expect(readEvents({ encoding: "deflate-raw", rawBytes: 9, payload: new Uint8Array([255, 1]) })).rejects.toThrow(
      BrokenPayload,
    );
    const odd = [null, 7, "x", {}, { type: "3", timestamp: 1 }, { type: 3, timestamp: "x" }, sampleScroll(5)];
    expect(await readEvents(packed(odd))).toEqual([sampleScroll(5)]);
  });
});
