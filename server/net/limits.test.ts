import { describe, expect, it } from "vitest";
import { createAddresses } from "./addresses.ts";
import { createAddressLimiter, takeFrame, takeToken, type FrameBucket, type FrameLimit } from "./limits.ts";

const LIMIT: FrameLimit = { perSecond: 10, burst: 20, bytesPerSecond: 1_000, burstBytes: 5_000 };
const full = (): FrameBucket => ({ tokens: LIMIT.burst, bytesLeft: LIMIT.burstBytes, refilledAt: 0 });

describe("token buckets", () => {
  it("NET-25 give a burst, then the rate, and say how long to wait", () => {
    const bucket = full();
    for (let i = 0; i < 20; i++) expect(takeToken(bucket, LIMIT, 0)).toBe(0);
    expect(takeToken(bucket, LIMIT, 0)).toBe(100);
    expect(takeToken(bucket, LIMIT, 99)).toBeLessThanOrEqual(2);
    expect(takeToken(bucket, LIMIT, 101)).toBe(0);
    // A clock that is set back takes nothing away, and gives nothing.
    expect(takeToken(bucket, LIMIT, 50)).toBeGreaterThan(0);
    expect(takeToken(bucket, LIMIT, 1_000_000)).toBe(0);
    expect(bucket.tokens).toBe(19);
  });

  it("NET-46 count bytes besides: a frame is taken whole while anything is left, and owed afterwards", () => {
    const bucket = full();
    expect(takeFrame(bucket, LIMIT, 4_999, 0)).toBe(0);
    expect(takeFrame(bucket, LIMIT, 8_000, 0)).toBe(0);
    expect(takeFrame(bucket, LIMIT, 1, 0)).toBe(8_000);
    expect(takeFrame(bucket, LIMIT, 1, 7_998)).toBeGreaterThan(0);
    expect(takeFrame(bucket, LIMIT, 1, 8_001)).toBe(0);
    // What was refused cost nothing.
    expect(bucket.tokens).toBe(19);
    for (let i = 0; i < 19; i++) takeFrame(bucket, LIMIT, 0, 8_001);
    expect(takeFrame(bucket, LIMIT, 0, 8_001)).toBeGreaterThan(0);
  });

  it("NET-47 are kept for a bounded number of addresses, and always for those with sockets", () => {
    const addresses = createAddresses(LIMIT, () => 0, 100);
    const busy = Array.from({ length: 20 }, (_, n) => addresses.of(`busy ${n}`));
    for (const use of busy) use.trackers++;
    for (let n = 0; n < 10_000; n++) addresses.of(`random ${n}`);
    for (const [n, use] of busy.entries()) expect(addresses.of(`busy ${n}`)).toBe(use);
    expect(addresses.of("random 9999")).toBe(addresses.of("random 9999"));
    const first = addresses.of("random 0");
    first.tokens = 0;
    for (let n = 0; n < 1_000; n++) addresses.of(`again ${n}`);
    expect(addresses.of("random 0")).not.toBe(first);
    // An IPv6 network of one machine is one address, of sockets and of bytes.
    expect(addresses.of("2001:db8:0:1:2:3:4:5")).toBe(addresses.of("2001:0db8::1:ffff:0:0:1"));
    expect(addresses.of("2001:db8:0:2::1")).not.toBe(addresses.of("2001:db8:0:1::1"));
    const limiter = createAddressLimiter({ perSecond: 1, burst: 1 }, () => 0, 10);
    expect([limiter.take("a"), limiter.take("a") > 0, limiter.take("b")]).toEqual([0, true, 0]);
    expect([limiter.take("2001:db8:0:1:2:3:4:5"), limiter.take("2001:db8:0:1:ffff:0:0:1") > 0]).toEqual([0, true]);
    expect(limiter.take("2001:db8:0:2:2:3:4:5")).toBe(0);
  });
});
