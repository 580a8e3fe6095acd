import { deflateRawSync } from "node:zlib";
import { transform } from "esbuild";
import { describe, expect, it } from "vitest";
import { cleanSource, openMap, type OpenedMap } from "./opened-map.ts";

/** A minified file: `find` asks for the place of a mark in it, in the function that an engine would name so. */
async function minified(
  source: string,
): Promise<{ code: string; map: OpenedMap; find: (mark: string, name: string) => string | undefined }> {
  const { code, map: text } = await transform(source, {
    minify: true,
    sourcemap: "external",
    sourcefile: "a.ts",
    loader: "ts",
    format: "iife",
  });
  const map = openMap(deflateRawSync(text), deflateRawSync(code));
  const find = (mark: string, name: string) => {
    const line = code.split("\n").findIndex((one) => one.includes(mark));
    return map.find({ line: line + 1, column: (code.split("\n")[line]?.indexOf(mark) ?? 0) + 1, function: name })?.function;
  };
  return { code, map, find };
}

/** What a minifier called the function that is declared so. */
const called = (code: string, pattern: RegExp) => pattern.exec(code)?.[1] ?? "";

describe("names of functions", () => {
  it("MAP-6 are those of their declarations, however they are declared", async () => {
    const { code, find } = await minified(`
      function plainOne(a: number) { return mark1(a) }
      const arrowOne = (a: number) => { return mark2(a) };
      const expressionOne = function (a: number) { return mark3(a) };
      async function asyncOne(a: number) { await a; return mark4(a) }
      class Basket { addItem(a: number) { return mark5(a) } static make() { return mark6(1) } }
      const shared = { method(a: number) { return mark7(a) } };
      globalThis.all = [plainOne, arrowOne, expressionOne, asyncOne, Basket, shared];
    `);
    const basket = called(code, /class (\w+)\{|(?:,|var |let )(\w+)=class/) || called(code, /(\w+)=class/);
    expect(find("mark1", called(code, /function (\w+)\(\w+\)\{return mark1/))).toBe("plainOne");
    expect(find("mark2", called(code, /(\w+)=\w+=>mark2/))).toBe("arrowOne");
    expect(find("mark3", called(code, /(\w+)=function\(\w+\)\{return mark3/))).toBe("expressionOne");
    expect(find("mark4", `async ${called(code, /async function (\w+)\(/)}`)).toBe("asyncOne");
    expect(find("mark5", `${basket}.addItem`)).toBe("Basket.addItem");
    expect(find("mark6", `Function.make`)).toBe("Function.make");
    expect(find("mark7", "Object.method")).toBe("method");
    expect(find("mark1", `Object.${called(code, /function (\w+)\(\w+\)\{return mark1/)} [as onclick]`)).toBe("plainOne");
    expect(find("mark5", `new ${basket}`)).toBe("Basket");
  });

  it("MAP-6 of functions without one come from the original source, where it has one", async () => {
    const { find } = await minified(`
      list.forEach(function eachItem(a: number) { if (a) { mark1(a) } });
      list.forEach((a: number) => { const named = (b: number) => { mark2(b); }; keep(named); });
      list.forEach((a: number) => { for (;;) { mark3("}", a) } });
    `);
    expect(find("mark1", "")).toBe("eachItem");
    expect(find("mark1", "<anonymous>")).toBe("eachItem");
    expect(find("mark2", "")).toBe("named");
    expect(find("mark3", "")).toBe("");
    expect(find("mark3", "?")).toBe("?");
  });

  it("MAP-6 that cannot be found stay as they were reported", async () => {
    const { find } = await minified("export function plainOne(a: number) { return mark1(a) } keep(plainOne)");
    expect(find("mark1", "HTMLButtonElement.onclick")).toBe("HTMLButtonElement.onclick");
    expect(find("mark1", "nowhere")).toBe("nowhere");
    expect(find("mark1", "a".repeat(500))).toBe("a".repeat(500));
    expect(find("mark1", "((((")).toBe("((((");
  });
});

describe("places", () => {
  const open = (map: object) => openMap(deflateRawSync(JSON.stringify(map)), null);
  const base = { version: 3, names: [], mappings: "AAAA" };

  it("MAP-5 come with the lines around them; long ones are cut, those of libraries are nobody's own", () => {
    const lines = Array.from({ length: 20 }, (_, i) => `line ${i + 1} ${"x".repeat(1_000)}`);
    const found = open({ ...base, mappings: "AASA", sources: ["a.ts"], sourcesContent: [lines.join("\r\n")] }).find({
      line: 1,
      column: 1,
      function: "",
    });
    expect(found).toMatchObject({ file: "a.ts", line: 10, column: 1, inApp: true });
    expect(found?.context?.before.map((line) => line.slice(0, 7))).toEqual([
      "line 5 ",
      "line 6 ",
      "line 7 ",
      "line 8 ",
      "line 9 ",
    ]);
    expect(found?.context?.after).toHaveLength(5);
    expect(found?.context?.line).toHaveLength(400);
    const foreign = open({ ...base, sources: ["../node_modules/x/y.js"] }).find({ line: 1, column: 1, function: "" });
    expect(foreign).toMatchObject({ file: "node_modules/x/y.js", inApp: false });
    expect(foreign).not.toHaveProperty("context");
    const ignored = open({ ...base, sources: ["vendor.js"], ignoreList: [0] }).find({ line: 1, column: 1, function: "" });
    expect(ignored?.inApp).toBe(false);
  });

  it("MAP-1 are found in maps of sections too", () => {
    const section = (line: number, source: string) => ({ offset: { line, column: 0 }, map: { ...base, sources: [source] } });
    const map = open({ version: 3, sections: [section(0, "a.ts"), section(5, "b.ts")] });
    expect(map.find({ line: 1, column: 9, function: "" })?.file).toBe("a.ts");
    expect(map.find({ line: 6, column: 1, function: "" })?.file).toBe("b.ts");
  });

  it("MAP-1 are in files whose names people know", () => {
    const names: Record<string, string> = {
      "../../src/a.ts": "src/a.ts",
      "./src/./a.ts": "src/a.ts",
      "webpack://shop/./src/a.ts?1f2e": "src/a.ts",
      "webpack:///./src/a.ts": "src/a.ts",
      "webpack://_N_E/../node_modules/x/y.js": "node_modules/x/y.js",
      "turbopack://[project]/src/a.ts": "src/a.ts",
      "/builds/shop/src/a.ts": "/builds/shop/src/a.ts",
      "src/.hidden/a.ts": "src/.hidden/a.ts",
    };
    for (const [name, known] of Object.entries(names)) expect(cleanSource(name)).toBe(known);
  });

  it("MAP-9 what is no map is an error, and what is odd in one is no place", () => {
    for (const text of ["", "{", "[]", "null", '{"version":3}'])
      expect(() => openMap(deflateRawSync(text), null).find({ line: 1, column: 1, function: "" }), text).toThrow();
    expect(open({ ...base, mappings: "", sources: [] }).find({ line: 1, column: 1, function: "" })).toBeNull();
    expect(open({ ...base, sources: [null] }).find({ line: 1, column: 1, function: "" })).toBeNull();
    expect(
      open({ ...base, sources: ["a"], names: ["x"], mappings: "AAAAA,AAAAC" }).find({ line: 1, column: 5, function: "x" }),
    ).toBeTruthy();
  });
});
