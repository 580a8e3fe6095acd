import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ListSplitter, SplitFault } from "./list-splitter.ts";

const utf8 = new TextEncoder();
const read = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));
const create = () => new ListSplitter({ list: "batches", maxItemBytes: 4_096, maxHeadBytes: 4_096, maxDepth: 40 });

/** Splits a text that comes in pieces of a size. */
function split(text: string, size: number): { items: unknown[]; head: unknown } {
  const splitter = create();
  const bytes = utf8.encode(text);
  const items: unknown[] = [];
  for (let at = 0; at < bytes.length; at += size) items.push(...splitter.push(bytes.subarray(at, at + size)).map(read));
  return { items, head: read(splitter.end()) };
}

describe("cutting a list out of JSON", () => {
  it("EXP-9 gives the items, and the rest with an empty list, whatever the pieces and the order of keys", () => {
    const key = fc.string({ maxLength: 8 }).filter((name) => name !== "batches" && name !== "__proto__");
    const items = fc.array(fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }), { maxLength: 6 });
    const around = fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 });
    fc.assert(
      fc.property(
        around,
        items,
        around,
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom(0, 2),
        (before, list, after, size, space) => {
          const text = JSON.stringify({ ...before, batches: list, ...after }, null, space);
          const same = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
          expect(split(text, size)).toEqual({ items: same(list), head: same({ ...before, batches: [], ...after }) });
        },
      ),
      { numRuns: 300 },
    );
  });

  it("EXP-9 finds the list of the object only, and no name of it inside a string or an item", () => {
    const text = '{"x":{"batches":[1,2]},"y":"\\"batches\\":[","batches":[{"batches":[{"a":"]}"}]}]}';
    expect(split(text, 3)).toEqual({
      items: [{ batches: [{ a: "]}" }] }],
      head: { x: { batches: [1, 2] }, y: '"batches":[', batches: [] },
    });
  });

  it.each([
    ["another list of that name", '{"batches":[],"batches":[]}'],
    ["items that are no objects", '{"batches":[1]}'],
    ["texts as items", '{"batches":["{}"]}'],
    ["lists as items", '{"batches":[[]]}'],
    ["an end before its end", '{"batches":[{"a":1}'],
    ["an end too early", "{}}"],
    ["no list", '{"a":[]}'],
    ["depth", `{"batches":[{"a":${"[".repeat(50)}`],
    ["a large item", `{"batches":[{"a":"${"x".repeat(5_000)}"}]}`],
    ["a large rest", `{"a":"${"x".repeat(5_000)}","batches":[]}`],
  ])("EXP-9 refuses %s", (_what, text) => {
    expect(() => split(text, 1_000)).toThrow(SplitFault);
  });
});
