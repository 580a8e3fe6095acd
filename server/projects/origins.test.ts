import { describe, expect, it } from "vitest";
import { isAllowedOrigin, toOriginPattern } from "./origins.ts";

describe("allowed origins", () => {
  it("PRJ-11 are kept as browsers send them", () => {
    for (const [text, kept] of [
      ["https://Shop.Example", "https://shop.example"],
      [" https://shop.example:443/ ", "https://shop.example"],
      ["http://shop.example:80", "http://shop.example"],
      ["http://localhost:3000", "http://localhost:3000"],
      ["https://*.shop.example", "https://*.shop.example"],
      ["http://[::1]:8080", "http://[::1]:8080"],
      ["https://*.com", null],
      ["https://*", null],
      ["*", null],
      ["shop.example", null],
      ["https://shop.example/path", null],
      ["https://user@shop.example", null],
      ["https://a..example", null],
      ["https://shop.example:99999", null],
      ["ftp://shop.example", null],
      ["null", null],
      ["", null],
    ] as const) {
      expect([text, toOriginPattern(text)]).toEqual([text, kept]);
    }
  });

  it("PRJ-11 let in the pages they name and no others, and what is no browser", () => {
    const list = ["https://shop.example", "https://*.shop.example", "http://*.test.example:8080"];
    for (const [origin, isIn] of [
      ["https://shop.example", true],
      ["https://SHOP.example", true],
      ["https://a.shop.example", true],
      ["https://a.b.shop.example", true],
      ["http://a.test.example:8080", true],
      ["http://test.example:8080", false],
      ["http://a.test.example", false],
      ["http://shop.example", false],
      ["https://shop.example:8443", false],
      ["https://evilshop.example", false],
      ["https://shop.example.evil.example", false],
      ["https://evil.example/.shop.example", false],
      ["https://*.shop.example", false],
      ["null", false],
      ["garbage", false],
      [undefined, true],
      ["", true],
    ] as const) {
      expect([origin, isAllowedOrigin(list, origin)]).toEqual([origin, isIn]);
    }
    expect(isAllowedOrigin([], "https://anybody.example")).toBe(true);
    expect(isAllowedOrigin([], "null")).toBe(true);
  });
});
