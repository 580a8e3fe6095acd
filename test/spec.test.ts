import { describe, expect, it } from "vitest";
import { sourceFiles } from "./harness/tree.ts";

const specs = sourceFiles(/^docs\/spec\/[\w-]+\.md$/);
const tests = sourceFiles(/\.test\.ts$|^test\/loss\/.*\.ts$|^test\/contracts\/.*\.ts$/);

const rules = specs.flatMap((file) =>
  [...file.text.matchAll(/^- \*\*([A-Z]{2,4}-\d+)\*\*/gm)].map((match) => ({ id: match[1] ?? "", file: file.path })),
);
const prefixes = new Set(rules.map(({ id }) => id.replace(/-\d+$/, "")));

/** Rule numbers at the start of a title, e.g. `ING-3` or `ING-3, LIV-7`. */
const cited = tests.flatMap((file) =>
  [...file.text.matchAll(/["'`]((?:[A-Z]{2,4}-\d+(?:, | and |: |\s))+)/g)].flatMap((match) =>
    [...(match[1] ?? "").matchAll(/([A-Z]{2,4})-\d+/g)].map((id) => ({ id: id[0], prefix: id[1] ?? "", file: file.path })),
  ),
);

describe("rules", () => {
  it("HOU-10 have one number each", () => {
    const seen = new Set<string>();
    expect(rules.filter(({ id }) => seen.size === seen.add(id).size)).toEqual([]);
    expect(rules.length).toBeGreaterThan(20);
  });

  it("HOU-10 are each cited by the title of a test", () => {
    const known = new Set(cited.map(({ id }) => id));
    expect(rules.filter(({ id }) => !known.has(id))).toEqual([]);
  });

  it("HOU-10 that a test cites are written down", () => {
    const written = new Set(rules.map(({ id }) => id));
    expect(cited.filter(({ id, prefix }) => prefixes.has(prefix) && !written.has(id))).toEqual([]);
  });

  it("HOU-10 every part is listed in docs/spec.md", () => {
    const [index] = sourceFiles(/^docs\/spec\.md$/);
    expect(
      specs.filter((file) => !(index?.text ?? "").includes(`(${file.path.replace("docs/", "")})`)).map((file) => file.path),
    ).toEqual([]);
  });
});
