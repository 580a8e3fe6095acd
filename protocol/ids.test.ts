import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSessionId, createTabId, DEFAULT_TAB, isSessionId, isTabId } from "./ids.ts";

describe("ids", () => {
  it("PRO-17 makes session ids that are UUIDv7 and sort by time", () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 46),
        fc.integer({ min: 1, max: 10_000 }),
        fc.uint8Array({ minLength: 10, maxLength: 10 }),
        (now, later, random) => {
          const id = createSessionId(now, random);
          expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
          expect(Number.parseInt(id.replace("-", "").slice(0, 12), 16)).toBe(now);
          expect(id < createSessionId(now + later, randomBytes(10))).toBe(true);
          expect(isSessionId(id)).toBe(true);
        },
      ),
    );
  });

  it("PRO-17 makes a different session id of different chance", () => {
    const ids = new Set(Array.from({ length: 1_000 }, () => createSessionId(1_763_711_111_111.9, randomBytes(10))));
    expect(ids.size).toBe(1_000);
  });

  it("PRO-17 makes a tab id of one character for each byte, all 64 of them", () => {
    expect(createTabId(Uint8Array.from({ length: 64 }, (_, i) => i))).toHaveLength(64);
    expect(new Set(createTabId(Uint8Array.from({ length: 256 }, (_, i) => i))).size).toBe(64);
    expect(isTabId(createTabId(randomBytes(12)))).toBe(true);
    expect(isTabId(DEFAULT_TAB)).toBe(true);
  });

  it.each([
    ["abcd", true],
    ["a".repeat(64), true],
    ["0_-Z", true],
    ["abc", false],
    ["a".repeat(65), false],
    ["_abc", false],
    ["-abc", false],
    ["ab cd", false],
    ["abcd\n", false],
    ["abcd/../x", false],
    ["äbcd", false],
    [undefined, false],
    [12345, false],
    [["abcd"], false],
  ])("PRO-18 says of %j as a session id: %s", (value, isOne) => {
    expect(isSessionId(value)).toBe(isOne);
  });

  it.each([
    ["a", true],
    ["-_", true],
    ["a".repeat(32), true],
    ["", false],
    ["a".repeat(33), false],
    ["a.b", false],
    ["a\n", false],
    [null, false],
    [0, false],
  ])("PRO-18 says of %j as a tab id: %s", (value, isOne) => {
    expect(isTabId(value)).toBe(isOne);
  });
});
