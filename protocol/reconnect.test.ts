import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CLOSE, isFinalClose } from "./close-codes.ts";
import { reconnectDelayMs, RESTART_SPREAD_MS, RETRY_MAX_MS } from "./reconnect.ts";

const ALMOST_ONE = 1 - Number.EPSILON;

describe("reconnection", () => {
  it.each(["protocol", "unauthorized", "forbidden", "gone"] as const)("PRO-19 gives up after %s", (name) => {
    expect(isFinalClose(CLOSE[name])).toBe(true);
    expect(reconnectDelayMs(0, CLOSE[name], 0.5)).toBeNull();
    expect(reconnectDelayMs(9, CLOSE[name], 0.5, 1_000)).toBeNull();
  });

  it.each([1000, 1001, 1006, 1011, CLOSE.restart, CLOSE.timeout, CLOSE.limit, CLOSE.overload])(
    "PRO-19 tries again after %d",
    (code) => {
      expect(isFinalClose(code)).toBe(false);
      expect(reconnectDelayMs(0, code, 0)).not.toBeNull();
    },
  );

  it("PRO-20 comes back within half a second of a restart, spread by chance", () => {
    expect(reconnectDelayMs(0, CLOSE.restart, 0)).toBe(50);
    expect(reconnectDelayMs(0, CLOSE.restart, 0.5)).toBe(275);
    expect(reconnectDelayMs(0, CLOSE.restart, ALMOST_ONE)).toBe(RESTART_SPREAD_MS);
    expect(reconnectDelayMs(3, CLOSE.restart, ALMOST_ONE)).toBe(4_000);
  });

  it.each([
    [0, 500],
    [1, 1_000],
    [2, 2_000],
    [5, 16_000],
    [6, 30_000],
    [7, 30_000],
    [1_000_000, 30_000],
  ])("PRO-21 waits after %d failed attempts at most %d ms", (attempt, most) => {
    expect(reconnectDelayMs(attempt, 1006, 0)).toBe(50);
    expect(reconnectDelayMs(attempt, 1006, ALMOST_ONE)).toBe(most);
  });

  it("PRO-21 adds what the server asked for, and stays within its bounds", () => {
    fc.assert(
      fc.property(
        fc.nat(100),
        fc.double({ min: 0, max: ALMOST_ONE, noNaN: true }),
        fc.integer({ min: -10, max: 60_000 }),
        (attempt, random, asked) => {
          const wait = reconnectDelayMs(attempt, 1006, random, asked) ?? -1;
          expect(wait).toBeGreaterThanOrEqual(50 + Math.max(0, asked));
          expect(wait).toBeLessThanOrEqual(RETRY_MAX_MS + Math.max(0, asked));
          expect(Number.isInteger(wait)).toBe(true);
        },
      ),
    );
  });
});
