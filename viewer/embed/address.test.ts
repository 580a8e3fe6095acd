import { expect, it } from "vitest";
import { readEmbedAddress } from "./address.ts";

it("SHA-10 the element takes addresses of embedded views and nothing else", () => {
  expect(readEmbedAddress(" https://w.example/embed/7#wbe1.a-b.c_d ")).toEqual({
    page: "https://w.example/embed/7",
    token: "wbe1.a-b.c_d",
  });
  expect(readEmbedAddress("https://w.example/base/embed/7#wbe1.a.b")?.page).toBe("https://w.example/base/embed/7");
  for (const other of [
    "",
    "javascript:alert(1)//embed/7#wbe1.a.b",
    "https://w.example/embed/7",
    "https://w.example/share#wbe1.a.b",
    "data:text/html,/embed/7#wbe1.a.b",
  ])
    expect(readEmbedAddress(other), other).toBeNull();
});
