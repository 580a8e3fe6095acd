import { describe, expect, it } from "vitest";
import type { ChainedException } from "../../protocol/occurrence.ts";
import { type DigestedFacts, digestedOf, frameOf } from "../../test/harness/digested.ts";
import { DEFAULT_ISSUE_SETTINGS } from "../issue-settings.ts";
import { keysOf } from "./keys.ts";
import { titleOf } from "./titles.ts";

const settings = DEFAULT_ISSUE_SETTINGS;
const grouped = (facts: DigestedFacts, change: Partial<typeof settings> = {}) =>
  keysOf(digestedOf(facts), { ...settings, ...change });
const parts = (facts: DigestedFacts, change = {}) => grouped(facts, change).own.parts;
const hash = (facts: DigestedFacts, change = {}) => grouped(facts, change).own.hash;
const withFingerprint = (...fingerprint: string[]): DigestedFacts => ({ detail: { fingerprint } });
const chain = (...exceptions: Partial<ChainedException>[]): DigestedFacts => ({
  detail: { exceptions: exceptions.map((one) => ({ type: "Error", value: "", frames: [], ...one })) },
});

describe("keys", () => {
  it("ISS-6 a fingerprint goes before all else, and is left as it is", () => {
    expect(parts(withFingerprint("order 42", "b"))).toEqual(["fingerprint", "order 42", "b"]);
    const other = { type: "Other", message: "other words", transaction: "/x" };
    expect(hash({ ...other, ...withFingerprint("a") })).toBe(hash(withFingerprint("a")));
    expect(hash(withFingerprint("ab", "c"))).not.toBe(hash(withFingerprint("a", "bc")));
  });

  it("ISS-6 {{ default }} with any spacing stands for what would be the key, and alone is none", () => {
    const rest = { message: "User 7 is gone", transaction: "/cart" };
    for (const part of ["{{ default }}", "{{default}}", " {{  Default }} "]) {
      expect(parts({ ...rest, ...withFingerprint(part, "eu") })).toEqual([
        "fingerprint",
        ["exception", "Error", "User <number> is gone", "/cart"],
        "eu",
      ]);
      expect(hash({ ...rest, ...withFingerprint(part) })).toBe(hash(rest));
    }
    expect(hash({ ...rest, ...withFingerprint() })).toBe(hash(rest));
    expect(hash({ ...rest, ...withFingerprint("see {{ default }}") })).toBe(hash(withFingerprint("see {{ default }}")));
  });

  it("ISS-6 what a fingerprint says cannot be said by words", () => {
    const words = parts({ message: "x" });
    const same = withFingerprint(...words.slice(1).map(String));
    expect(hash(same)).not.toBe(hash({ message: "x" }));
  });

  it("ISS-7 an exception goes by its type, the first line that says something, and its route where that splits", () => {
    const facts = { type: "TypeError", message: "\n \nUser 1 is gone\nat line 2", transaction: "/cart" };
    expect(parts(facts)).toEqual(["exception", "TypeError", "User <number> is gone", "/cart"]);
    expect(parts(facts, { routeSplits: false })).toEqual(["exception", "TypeError", "User <number> is gone"]);
    expect(hash(facts)).not.toBe(hash({ ...facts, transaction: "/list" }));
    expect(hash(facts, { routeSplits: false })).toBe(hash({ ...facts, transaction: "/list" }, { routeSplits: false }));
    expect(hash(facts)).not.toBe(hash({ ...facts, type: "RangeError" }));
  });

  it("ISS-7 a setting that takes the route out still looks under the key with it", () => {
    const facts = { message: "gone", transaction: "/cart" };
    expect(grouped(facts, { routeSplits: false }).older.map((key) => key.hash)).toEqual([hash(facts)]);
    const mixed = { ...facts, ...withFingerprint("{{ default }}", "x") };
    expect(grouped(mixed, { routeSplits: false }).older.map((key) => key.hash)).toEqual([hash(mixed)]);
    expect(grouped(withFingerprint("x"), { routeSplits: false }).older).toEqual([]);
  });

  it("ISS-7 a synthetic exception goes by its words, else by the function that it came from", () => {
    const mechanism = { type: "onerror", handled: false, synthetic: true };
    const one = chain({ type: "UnhandledRejection", value: "offline", mechanism });
    const other = chain({ type: "Error", value: "offline", mechanism });
    expect(hash(one)).toBe(hash(other));
    const frames = [frameOf("lib.js", "", { inApp: false, function: "inner" }), frameOf("a.js", "", { function: "outer" })];
    expect(parts(chain({ type: "Event", value: " ", mechanism, frames }))).toEqual(["exception", "Event", "outer", ""]);
  });

  it("ISS-8 a message goes by its template, else its first line, and its route", () => {
    const message = { type: "", message: "User 7 is gone\nmore", transaction: "/cart" };
    expect(parts(message)).toEqual(["message", "User <number> is gone", "/cart"]);
    expect(parts({ ...message, detail: { template: "User %s is gone" } })).toEqual(["message", "User %s is gone", "/cart"]);
    expect(parts(message, { routeSplits: false })).toEqual(["message", "User <number> is gone"]);
    expect(hash({ type: "", message: "x" })).not.toBe(hash({ type: "x", message: "" }));
  });

  it("ISS-8 what says nothing goes by its culprit and route, and has a title still", () => {
    const empty = { type: "", message: " \n", culprit: "checkout(cart.ts)", transaction: "/cart" };
    expect(parts(empty)).toEqual(["nothing", "checkout(cart.ts)", "/cart"]);
    expect(titleOf(digestedOf(empty)).title).toBe("An event without a message");
    expect(titleOf(digestedOf(chain({ type: "", value: "" }))).title).toBe("An error without a name");
    expect(titleOf(digestedOf({ type: "A", message: "\nb\nc" }))).toEqual({ title: "A: b", type: "A", value: "\nb\nc" });
  });
});

describe("the error that it is about", () => {
  const main = (facts: DigestedFacts) => grouped(facts).main?.value;
  const leaf = (value: string, id: number, parentId: number, more: Partial<ChainedException> = {}) => ({
    value,
    id,
    parentId,
    ...more,
  });
  const group = (id: number, parentId?: number) => ({
    type: "AggregateError",
    value: `group ${id}`,
    id,
    isGroup: true,
    ...(parentId === undefined ? {} : { parentId }),
  });

  it("ISS-11 of a chain the first; of React's wrappers what they wrap", () => {
    expect(main(chain({ value: "outer" }, { value: "cause" }))).toBe("outer");
    const recovered = "There was an error during concurrent rendering but React was able to recover by …";
    expect(main(chain({ value: recovered }, { value: "cause" }))).toBe("cause");
    expect(main(chain({ value: recovered }))).toBe(recovered);
  });

  it("ISS-11 of a group whose members are one error, that error; else the group", () => {
    expect(main(chain(group(0), leaf("a", 1, 0), leaf("a", 2, 0)))).toBe("a");
    expect(main(chain(group(0), leaf("a", 1, 0), leaf("b", 2, 0)))).toBe("group 0");
    expect(main(chain(group(0), group(1, 0), leaf("a", 2, 1), leaf("a", 3, 0)))).toBe("a");
    expect(main(chain(group(0), leaf("a", 1, 0), leaf("why", 2, 0, { source: "cause" })))).toBe("a");
    expect(main(chain(group(0)))).toBe("group 0");
  });

  it("ISS-11 broken trees are left alone: circles, doubles, missing and second roots", () => {
    const broken = [
      [group(0), leaf("a", 1, 1)],
      [group(0), { ...group(1, 2), value: "one" }, { ...group(2, 1), value: "two" }],
      [group(0), leaf("a", 1, 0), leaf("a", 1, 0)],
      [group(0), leaf("a", 1, 9)],
      [group(0), { value: "a" }],
      [group(0), { value: "a", id: 1 }],
      [{ ...group(0), parentId: 0 }, leaf("a", 1, 0)],
    ];
    for (const exceptions of broken) expect(main(chain(...exceptions))).toBe("group 0");
  });
});
