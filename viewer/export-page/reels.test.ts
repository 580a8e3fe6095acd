import { describe, expect, it } from "vitest";
import { sampleCheckout, sampleScroll } from "../player/sample-batches.ts";
import { type Context, reelAt, toReels } from "./reels.ts";

const AT = 1_764_000_000_000;

function context(group: string, from: number, to: number, acts: number[] = []): Context {
  const events = [...sampleCheckout(AT + from), sampleScroll(AT + to)];
  return { group, name: group, events, moments: [], acts: acts.map((act) => AT + act), isCut: false };
}

function names(contexts: readonly Context[], moments: readonly number[]): string[] {
  const { steps } = toReels(contexts);
  return moments.map((moment) => reelAt(steps, AT + moment)?.name ?? "none");
}

describe("the browser tab that a film shows", () => {
  it("EXP-12 is the one in which the visitor last opened or clicked something", () => {
    const contexts = [context("one", 0, 9_000, [1_000, 6_000]), context("two", 3_000, 8_000, [4_000])];
    expect(names(contexts, [-1, 0, 2_999, 3_000, 5_000, 6_000, 20_000])).toEqual([
      "one",
      "one",
      "one",
      "two",
      "two",
      "one",
      "one",
    ]);
  });

  it("EXP-12 is never one that cannot be played", () => {
    const empty = { ...context("empty", 0, 1_000, [500]), events: [sampleScroll(AT)] };
    expect(names([empty, context("one", 2_000, 3_000)], [0, 600, 2_500])).toEqual(["one", "one", "one"]);
    expect(names([empty], [0])).toEqual(["none"]);
  });

  it("EXP-12 of a part is no page that was open before, until the visitor does something there", () => {
    const cut = (group: string, from: number, acts: number[]) => ({ ...context(group, from, 9_000, acts), isCut: true });
    const longer = { ...cut("one", 0, []), events: [...cut("one", 0, []).events, sampleScroll(AT + 9_500)] };
    const contexts = [longer, cut("two", 1_000, [5_000]), context("three", 6_000, 9_000)];
    expect(names(contexts, [1_500, 4_999, 5_000, 6_000])).toEqual(["one", "one", "two", "three"]);
  });

  it("EXP-12 goes on through the page loads of one tab", () => {
    const contexts = [context("one", 0, 1_000), context("one", 2_000, 3_000), context("two", 2_500, 2_600)];
    const { reels, steps } = toReels(contexts);
    expect(reels.map(({ name }) => name)).toEqual(["one", "two"]);
    expect(steps.map(({ at, reel }) => [at - AT, reel.name])).toEqual([
      [0, "one"],
      [2_500, "two"],
    ]);
  });
});
