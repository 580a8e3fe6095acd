import { describe, expect, it } from "vitest";
import { faultsOfPart, parseClock } from "./export-words.ts";
import { faultOfFile } from "./import-words.ts";

describe("the part that is exported", () => {
  it("EXP-10 is written as people write times", () => {
    expect(["75", "1:15", "1:02:05", "0:01,5", "x", "1:", "-1"].map(parseClock)).toEqual([
      75_000,
      75_000,
      3_725_000,
      1_500,
      null,
      null,
      null,
    ]);
  });

  it("EXP-10 says at the field what is wrong with it", () => {
    expect(faultsOfPart("0:00", "0:12", 12_500)).toEqual({ begin: "", end: "" });
    expect(faultsOfPart("soon", "0:05", 12_500).begin).toContain("1:05");
    expect(faultsOfPart("0:13", "0:20", 12_500)).toEqual({ begin: "It is over by then: it lasts 0:12.", end: "" });
    expect(faultsOfPart("0:05", "0:05", 12_500).end).not.toBe("");
    expect(faultsOfPart("0:00", "0:01", 0).begin).toBe("");
  });
});

describe("a file that somebody wants to import", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);

  it("EXP-11 is looked at before it is sent", () => {
    for (const good of [bytes('\uFEFF {"format":'), bytes("\n<!doctype html>"), new Uint8Array([0x1f, 0x8b, 8])])
      expect(faultOfFile(good)).toBe("");
    expect(faultOfFile(new Uint8Array(0))).toContain("empty");
    expect(faultOfFile(new Uint8Array([0x1a, 0x45, 0xdf, 0xa3]))).toContain("film");
    expect(faultOfFile(bytes("GIF89a"))).toContain("no session file");
  });
});
