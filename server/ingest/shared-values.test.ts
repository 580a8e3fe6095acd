import { describe, expect, it } from "vitest";
import { shareText, shareTraits, shareViewport } from "./shared-values.ts";

describe("shared values", () => {
  it("ING-34 are the same values, and one object for all who have the same", () => {
    const viewport = { width: 800, height: 600, devicePixelRatio: 2 };
    expect(shareViewport(viewport)).toBe(shareViewport({ ...viewport }));
    expect(shareViewport({ width: 800, height: 600 })).toEqual({ width: 800, height: 600 });
    expect(shareViewport(null)).toBeNull();
    expect(shareTraits({})).toBe(shareTraits({}));
    expect(shareTraits({ plan: "pro" })).toEqual({ plan: "pro" });
    for (let i = 0; i < 10_000; i++) expect(shareText(`browser ${i}`)).toBe(`browser ${i}`);
  });
});
