import { describe, expect, it } from "vitest";
import { cleanEvent } from "./clean-events.ts";
import { toQuietAddress } from "./clean-attributes.ts";
import { checkShape } from "./json-shape.ts";
import { TooLarge } from "./limits.ts";
import { SceneGuard } from "./scene-guard.ts";

const element = (id: number, tagName: string, attributes: object = {}, childNodes: unknown[] = []) => ({
  type: 2,
  id,
  tagName,
  attributes,
  childNodes,
});
const snapshot = (...children: unknown[]) => ({
  type: 2,
  timestamp: 1,
  data: { node: { type: 0, id: 1, childNodes: [element(2, "html", {}, children)] }, initialOffset: { top: 0, left: 0 } },
});
const mutation = (data: object) => ({
  type: 3,
  timestamp: 2,
  data: { source: 0, adds: [], removes: [], texts: [], attributes: [], ...data },
});

describe("cleaning", () => {
  it("VIE-38 keeps a page as it is, and takes out what acts", () => {
    const hosts = new Set<string>();
    const shown = element(3, "a", { href: "https://shop.example/x", class: "b" }, [{ type: 3, id: 4, textContent: "text" }]);
    const event = snapshot(
      { ...shown, attributes: { ...shown.attributes, onclick: "x()", target: "_top", ping: "https://evil.example/" } },
      element(5, "SCRIPT", { src: "https://evil.example/x.js" }, [{ type: 3, id: 6, textContent: "x()" }]),
      element(7, "meta", { "http-equiv": "refresh", content: "0;url=https://evil.example" }),
      element(8, "link", { rel: "preconnect", href: "https://evil.example" }),
      element(9, "img", { src: "https://cdn.example/a.png", srcset: "https://two.example/a.png 2x" }),
      element(10, "iframe", { src: "https://evil.example" }),
      element(11, "input", { name: "tagName" }),
    );
    const text = JSON.stringify(cleanEvent(event, hosts));
    expect(text).toContain(JSON.stringify(shown.attributes));
    expect(text).toContain('"textContent":"text"');
    expect(text).not.toContain("evil.example");
    expect(text).not.toMatch(/onclick|x\(\)|_top|refresh|preconnect|"tagName":"SCRIPT"|"name":"tagName"/);
    expect([...hosts]).toEqual(["https://cdn.example", "https://two.example"]);
  });

  it("VIE-38 knows an address that runs in every spelling", () => {
    const bad = ["javascript:x", " JAVA\tSCRIPT:x", "\u0001javascript:x", "vbscript:x", "data:text/html,x", "data:,x"];
    expect(bad.map(toQuietAddress)).toEqual(bad.map(() => ""));
    const good = ["https://a.example/javascript:x", "/path", "#javascript", "data:image/png;base64,AA", "mailto:a@b.c"];
    expect(good.map(toQuietAddress)).toEqual(good);
  });

  it("VIE-38 changes no prototype, and leaves out canvases, media and plugins", () => {
    const attributes: unknown = JSON.parse('{"__proto__":{"polluted":1},"title":"t"}');
    const cleaned = cleanEvent(mutation({ attributes: [{ id: 3, attributes }] }), new Set());
    expect(JSON.stringify(cleaned)).toContain('"attributes":{"title":"t"}');
    for (const source of [7, 9, 11, 16, 99])
      expect(cleanEvent({ type: 3, timestamp: 1, data: { source, id: 1 } }, new Set())).toBe(null);
    expect(cleanEvent({ type: 6, timestamp: 1, data: {} }, new Set())).toBe(null);
  });

  it("VIE-34 refuses what nests too deeply or has too many parts, before it is parsed", () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect(() => checkShape(bytes("[".repeat(5_000)))).toThrow(TooLarge);
    expect(() => checkShape(bytes(`[${"0,".repeat(7_000_000)}0]`))).toThrow(TooLarge);
    expect(() => checkShape(bytes(`["${"[".repeat(5_000)}\\"${"{".repeat(5_000)}"]`))).not.toThrow();
  });
});

describe("the guard of a scene", () => {
  const guard = () => {
    const one = new SceneGuard();
    one.admit(cleanEvent(snapshot(element(3, "body", {}, [element(4, "iframe")])), new Set()) ?? snapshot());
    return one;
  };
  const add = (id: number, parentId: number, nextId: number | null = null) => ({ parentId, nextId, node: element(id, "b") });
  const idsOf = (event: unknown) =>
    [...JSON.stringify(event).matchAll(/"node":\{"type":2,"id":(\d+)/g)].map(([, id]) => Number(id));

  it("VIE-34 adds in an order in which every node finds its place, and leaves out what has none", () => {
    const adds = [add(12, 11), add(11, 3, 10), add(10, 3), add(20, 999), add(30, 31), add(31, 30)];
    expect(idsOf(guard().admit(mutation({ adds })))).toEqual([10, 11, 12]);
  });

  it("VIE-34 cuts a chain at the deepest level, and counts what is removed", () => {
    const one = guard();
    const chain = Array.from({ length: 2_000 }, (_, i) => add(100 + i, i === 0 ? 3 : 99 + i));
    expect(idsOf(one.admit(mutation({ adds: chain }))).length).toBeLessThan(512);
    expect(one.isCut).toBe(true);
    one.admit(mutation({ removes: [{ parentId: 3, id: 100 }] }));
    expect(one.size).toBe(4);
  });

  it("VIE-34 hangs nothing below itself, and no document anywhere but in a frame", () => {
    const one = guard();
    one.admit(mutation({ adds: [add(10, 3), add(11, 10)] }));
    expect(idsOf(one.admit(mutation({ adds: [add(10, 11)] })))).toEqual([]);
    const page = { parentId: 3, nextId: null, node: { type: 0, id: 50, childNodes: [] } };
    expect(JSON.stringify(one.admit(mutation({ adds: [page] })))).not.toContain('"id":50');
    expect(JSON.stringify(one.admit(mutation({ adds: [{ ...page, parentId: 4 }] })))).toContain('"id":50');
    const moved = mutation({ attributes: [{ id: 4, attributes: { src: "https://evil.example", title: "t" } }] });
    expect(JSON.stringify(one.admit(moved))).not.toContain("evil");
  });
});
