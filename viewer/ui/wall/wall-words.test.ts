import { expect, it } from "vitest";
import { onlineWords, pageWords, quietWords, tileWords, visitMs } from "./wall-words.ts";

it("VIE-113 the wall says in words who is online, how busy, and why a picture stands still", () => {
  expect([null, 500, 25_000].map(quietWords)).toEqual(["quiet", "active", "quiet for 25 s"]);
  expect([0, 1, 12].map(onlineWords)).toEqual(["Nobody is online", "1 visitor online", "12 visitors online"]);
  expect(tileWords("watching", false)).toBe("");
  expect(tileWords("watching", true)).toBe("Not connected");
  expect(tileWords("ended", false)).toBe("The visit has ended");
  expect(pageWords({ title: "", url: "https://shop.example/cart?x=1" })).toBe("/cart?x=1");
  expect(pageWords({ title: "Cart", url: "" })).toBe("Cart");
  expect(visitMs({ startedAt: 10, lastAt: 5, durationMs: 0 })).toBe(0);
});
