import { describe, expect, it } from "vitest";
import { MAX_STYLE_CHARACTERS, shareStyles } from "./style-cache.ts";

function replayer(): { cache: { stylesWithHoverClass: Map<string, string> } } {
  return { cache: { stylesWithHoverClass: new Map() } };
}

describe("rewritten style sheets", () => {
  it("VIE-31 are shared by all scenes", () => {
    const [first, second] = [replayer(), replayer()];
    shareStyles(first);
    shareStyles(second);
    first.cache.stylesWithHoverClass.set("a:hover {}", "a.hover {}");
    expect(second.cache.stylesWithHoverClass.get("a:hover {}")).toBe("a.hover {}");
  });

  it("VIE-31 are forgotten at a limit, and left alone in a Replayer of another make", () => {
    const one = replayer();
    shareStyles(one);
    const { stylesWithHoverClass: styles } = one.cache;
    const sheet = "x".repeat(MAX_STYLE_CHARACTERS / 4);
    for (const name of ["1", "2", "3"]) styles.set(name + sheet, sheet);
    expect(styles.size).toBe(1);
    styles.clear();
    const other = { cache: "something else" };
    shareStyles(other);
    expect(other.cache).toBe("something else");
  });
});
