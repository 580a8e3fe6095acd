/** Hostile recordings: each vector in a snapshot, in additions and in changes of attributes, with the events that could set it off. */

import type { RrwebEvent } from "../../protocol/rrweb-event.ts";
import { harm } from "./attacker.ts";
import { addition, changes, checkout, done, IDS, incremental, PageWriter, type Attributes, type WrittenNode } from "./nodes.ts";
import { handlers, sheet, VECTORS, type Target } from "./vectors.ts";

/** What a recording is made of: a checkout with what may follow in its batch, and what comes later. */
export interface HostileRecording {
  name: string;
  opening: unknown[];
  /** Sent when somebody watches; the sentinel's word comes last. */
  later: unknown[];
}

/** All of them, with page times from `at` on. */
export function hostileRecordings(target: Target, at: number): HostileRecording[] {
  return [
    ...Object.keys(VECTORS).map((name) => vectorRecording(name, target, at)),
    eventsRecording(target, at),
    nestedRecording(target, at),
    brokenTreeRecording(target, at),
    wrongTypesRecording(target, at),
  ];
}

/** One kind of vector, everywhere it fits. */
function vectorRecording(name: string, target: Target, at: number): HostileRecording {
  const vector = VECTORS[name] ?? (() => []);
  const write = new PageWriter();
  const inHead = vector(write, target);
  const inBody = vector(write, target);
  const added = vector(write, target);
  // What was harmless when it was built, and is made into the same by changes of attributes.
  const models = vector(write, target).flatMap(allElements);
  const bare = models.map((model) => ({ ...model, attributes: {}, childNodes: [] }));
  const turned = models.map(({ id, attributes }) => ({ id, attributes: stringsOf(attributes) }));
  const everything = [...inHead, ...inBody, ...added].flatMap(allElements);
  return {
    name,
    opening: [...checkout(at, [...inBody, ...bare], inHead), addition(at + 5, vector(write, target))],
    later: [
      addition(at + 300, added),
      changes(at + 310, turned),
      ...pokes(at + 320, everything.slice(0, 150)),
      ...pokes(at + 330, bare.slice(0, 100)),
      done(at + 900),
    ],
  };
}

/** Everything that rrweb does to a node by itself: clicks, focus, typing, scrolling, media. */
function pokes(at: number, nodes: readonly WrittenNode[]): RrwebEvent[] {
  return nodes.flatMap(({ id }, i) => [
    incremental(at, { source: 2, type: i % 11, id, x: 5, y: 5 }),
    incremental(at, { source: 2, type: 2, id, x: 5, y: 5 }),
    incremental(at, { source: 2, type: 5, id }),
    incremental(at, { source: 5, id, text: "javascript:alert(1)", isChecked: true, userTriggered: true }),
    incremental(at, { source: 3, id, x: 0, y: 10 }),
    incremental(at, { source: 7, id, type: 0, currentTime: 1, volume: 1, muted: false, loop: true, playbackRate: 1 }),
  ]);
}

/** What comes in events of its own: rules, sheets, declarations, canvases, fonts, plugins, custom payloads. */
function eventsRecording(target: Target, at: number): HostileRecording {
  const write = new PageWriter();
  const style = write.element("style", {}, [write.text("p { color: red }", true)]);
  const canvas = write.element("canvas", { width: "80", height: "40" });
  const canvasId = canvas.id;
  const { origin } = target;
  const code = harm(target, "event");
  const rules = sheet(target, "rule")
    .split("\n")
    .map((rule) => rule.trim())
    .filter((rule) => rule !== "");
  const command = (property: string, args: unknown[], type: unknown = 0) => ({ source: 9, id: canvasId, type, property, args });
  const ctor = (name: string, args: unknown[]) => ({ rr_type: name, args });
  const events = [
    incremental(at, { source: 8, id: style.id, adds: rules.map((rule, index) => ({ rule, index })) }),
    incremental(at, { source: 8, id: style.id, replace: sheet(target, "replaced"), replaceSync: sheet(target, "replacedSync") }),
    incremental(at, {
      source: 13,
      id: style.id,
      index: [0],
      set: { property: "background", value: `url(${origin}/declared.gif)` },
    }),
    incremental(at, { source: 13, id: style.id, index: [99, 1, "x", {}], set: { property: "background", value: "red" } }),
    incremental(at, {
      source: 15,
      id: IDS.document,
      styleIds: [1],
      styles: [{ styleId: 1, rules: rules.map((rule) => ({ rule })) }],
    }),
    incremental(at, { source: 15, id: IDS.document, styleIds: [1, 2, 3] }),
    incremental(at, { source: 8, styleId: 1, adds: [{ rule: `p { background: url(${origin}/adopted.gif) }` }] }),
    incremental(at, command("constructor", [code])),
    incremental(at, command("fillText", [ctor("Function", [code]), 1, 1])),
    incremental(at, command("drawImage", [{ rr_type: "HTMLImageElement", src: `${origin}/draw.gif` }, 0, 0])),
    incremental(at, command("drawImage", [ctor("Image", [`${origin}/image.gif`]), 0, 0])),
    incremental(at, { source: 9, id: canvasId, type: 0, commands: [{ property: "constructor", args: [code] }] }),
    incremental(at, command("texImage2D", [{ rr_type: "ImageBitmap", args: [{ rr_type: "Blob", data: [] }] }], 2)),
    incremental(at, { source: 10, family: "Taken", fontSource: `url(${origin}/event.woff2)`, buffer: false }),
    incremental(at, { source: 10, family: "Taken", fontSource: code, buffer: true }),
    incremental(at, { source: 11, level: "log", payload: [`<img src=${origin}/log.gif onerror="${code}">`] }),
    incremental(at, { source: 16, define: { name: "x-defined" }, code }),
    incremental(at, { source: 14, ranges: [{ start: IDS.sentinelText, startOffset: 0, end: IDS.body, endOffset: 1 }] }),
    {
      type: 5,
      timestamp: at,
      data: { tag: `<img src=${origin}/tag.gif onerror="${code}">`, payload: { html: `<script>${code}</script>` } },
    },
    { type: 5, timestamp: at, data: { tag: "__proto__", payload: code } },
    { type: 6, timestamp: at, data: { plugin: "rrweb/console@1", payload: { level: "error", payload: [code], trace: [code] } } },
    { type: 6, timestamp: at, data: { plugin: `<script>${code}</script>`, payload: code } },
    { type: 7, timestamp: at, data: { source: `${origin}/asset.gif`, url: `${origin}/asset.gif`, payload: code } },
    { type: 64, timestamp: at, data: code },
  ];
  const later = (event: object, add: number): object => ({ ...event, timestamp: at + add });
  return {
    name: "events",
    opening: [...checkout(at, [canvas], [style]), ...events.map((event) => later(event, 5))],
    later: [...events.map((event) => later(event, 300)), done(at + 900)],
  };
}

/** Documents inside frames, inside frames. */
function nestedRecording(target: Target, at: number): HostileRecording {
  const write = new PageWriter();
  const everything = () => Object.values(VECTORS).flatMap((vector) => vector(write, target));
  const inner = write.element("iframe", {});
  const outer = write.element("iframe", { width: "300", height: "200" });
  const page = (nodes: WrittenNode[]) =>
    write.document([
      write.element("html", handlers(target), [write.element("head", {}), write.element("body", handlers(target), nodes)]),
    ]);
  const attach = (time: number, parentId: unknown, node: WrittenNode) =>
    incremental(time, {
      source: 0,
      adds: [{ parentId, nextId: null, node }],
      removes: [],
      texts: [],
      attributes: [],
      isAttachIframe: true,
    });
  return {
    name: "nested",
    opening: [...checkout(at, [outer]), attach(at + 5, outer.id, page([...everything(), inner]))],
    later: [
      attach(at + 300, inner.id, page(everything())),
      changes(at + 310, [{ id: inner.id, attributes: { src: `${target.origin}/late` } }]),
      done(at + 900),
    ],
  };
}

/** Trees that are none. */
function brokenTreeRecording(target: Target, at: number): HostileRecording {
  const write = new PageWriter();
  const holder = write.element("div", {}, [write.element("section", {}, [write.text("inside")])]);
  const [inside] = holder["childNodes"] as WrittenNode[];
  const add = (list: unknown[]) => incremental(at, { source: 0, adds: list, removes: [], texts: [], attributes: [] });
  const node = (id: unknown, rest: object = {}) => ({ type: 2, id, tagName: "b", attributes: {}, childNodes: [], ...rest });
  const odd = [0, -1, -7, 1e9, 2 ** 31, 2 ** 53, 1.5, NaN, "12", null, {}, [], true, "__proto__"];
  const events = [
    add(odd.map((id) => ({ parentId: IDS.body, nextId: null, node: node(id) }))),
    add(odd.map((parentId) => ({ parentId, nextId: null, node: write.element("b") }))),
    add(odd.map((nextId) => ({ parentId: IDS.body, nextId, node: write.element("b") }))),
    add(odd.map((previousId) => ({ parentId: IDS.body, nextId: null, previousId, node: write.element("b") }))),
    // Below itself, beside itself, and two that wait for one another.
    add([{ parentId: inside?.id, nextId: null, node: holder }]),
    add([{ parentId: holder.id, nextId: holder.id, node: node(holder.id) }]),
    add([
      { parentId: IDS.body, nextId: 7_001, node: node(7_000) },
      { parentId: IDS.body, nextId: 7_000, node: node(7_001) },
      { parentId: 7_003, nextId: null, node: node(7_002) },
      { parentId: 7_002, nextId: null, node: node(7_003) },
    ]),
    add([{ parentId: IDS.document, nextId: null, node: node(7_010) }]),
    add([{ parentId: IDS.document, nextId: null, node: { type: 1, id: 7_011, name: "a b", publicId: 5, systemId: {} } }]),
    add([{ parentId: IDS.sentinelText, nextId: null, node: node(7_012) }]),
    add([{ parentId: IDS.body, nextId: null, node: { type: 0, id: 7_013, childNodes: [node(7_014)] } }]),
    add([{ parentId: IDS.body, nextId: null, node: { type: 9, id: 7_015 } }, {}, null, 5]),
    incremental(at, {
      source: 0,
      adds: [],
      removes: odd.map((id) => ({ parentId: id, id })),
      texts: odd.map((id) => ({ id, value: id })),
      attributes: [],
    }),
    incremental(at, { source: 0, adds: [], removes: [{ parentId: IDS.body, id: IDS.html }], texts: [], attributes: [] }),
    incremental(at, {
      source: 0,
      adds: [],
      removes: [],
      texts: [],
      attributes: [
        ...odd.map((id) => ({ id, attributes: { title: "x" } })),
        {
          id: IDS.body,
          attributes: JSON.parse(
            '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}},"1bad":"x"," ":"y"}',
          ) as Attributes,
        },
        {
          id: IDS.body,
          attributes: {
            style: { __proto__: "x", background: [`url(${target.origin}/style.gif)`, "important"], color: 5, top: [{}, {}] },
          },
        },
      ],
    }),
  ];
  const twice = [write.element("p", {}, [write.text("twice")]), { ...node(IDS.body), childNodes: "no list" }];
  const html = {
    type: 2,
    id: 7_100,
    tagName: "html",
    attributes: null,
    childNodes: [null, 7, { type: 3 }, node(7_101, { attributes: "x" })],
  };
  const opening = checkout(at, [holder, ...twice, node(IDS.sentinel), node("5"), node(-3), html]);
  return {
    name: "broken-trees",
    opening: [...opening, ...events],
    later: [...events.map((event) => ({ ...event, timestamp: at + 300 })), done(at + 900)],
  };
}

/** Every field with every wrong type, and events that are none. */
function wrongTypesRecording(_target: Target, at: number): HostileRecording {
  const wrong: readonly unknown[] = [
    null,
    true,
    -1,
    1e308,
    "text",
    "",
    [],
    [[]],
    {},
    { length: 1e9 },
    JSON.parse('{"__proto__":{"polluted":"yes"}}'),
  ];
  const fields: Record<number, readonly string[]> = {
    0: ["adds", "removes", "texts", "attributes"],
    1: ["positions"],
    2: ["type", "id", "x", "y"],
    3: ["id", "x", "y"],
    4: ["width", "height"],
    5: ["id", "text", "isChecked"],
    6: ["positions"],
    7: ["id", "type", "currentTime", "volume", "playbackRate"],
    8: ["id", "adds", "removes", "replace"],
    9: ["id", "type", "property", "args", "commands"],
    10: ["family", "fontSource", "buffer", "descriptors"],
    12: ["positions"],
    13: ["id", "index", "set", "remove"],
    14: ["ranges"],
    15: ["id", "styles", "styleIds"],
    16: ["define"],
  };
  const sound: Record<string, unknown> = {
    id: IDS.body,
    type: 1,
    x: 1,
    y: 1,
    adds: [],
    removes: [],
    texts: [],
    attributes: [],
    index: [0],
    width: 800,
    height: 600,
  };
  const events: unknown[] = Object.entries(fields).flatMap(([source, names]) =>
    names.flatMap((name) => wrong.map((value) => incremental(at, { ...sound, source: Number(source), [name]: value }))),
  );
  const positions = [
    { x: 1e300, y: -1e300, id: IDS.body, timeOffset: 0 },
    { x: 1, y: 1, id: IDS.body, timeOffset: -1e12 },
  ];
  events.push(
    ...[null, 5, "x", [], {}, { type: "3", timestamp: at }, { type: 3, timestamp: "now" }, { type: 3, timestamp: null }],
    ...[-1, 17, 99, 1e9, 1.5].map((source) => incremental(at, { ...sound, source })),
    ...[-5, 8, 63, 1e9].map((type) => ({ type, timestamp: at, data: {} })),
    ...[-1e15, 0, 8.64e15, 1e300].map((timestamp) => incremental(timestamp, { source: 3, id: IDS.body, x: 1e300, y: -1e300 })),
    { type: 3, timestamp: at, delay: -1e9, data: { source: 1, positions } },
    { type: 4, timestamp: at, data: { href: {}, width: 1e9, height: -5 } },
    { type: 4, timestamp: at, data: { href: "javascript:1", width: "800", height: null } },
    { type: 2, timestamp: at, data: { node: null, initialOffset: null } },
    { type: 2, timestamp: at, data: { node: { type: 2, id: 1 }, initialOffset: { top: "x" } } },
    incremental(at, { source: 4, width: 1e12, height: 1e12 }),
    incremental(at, { source: 4, width: 800, height: 600 }),
  );
  return { name: "wrong-types", opening: checkout(at, []), later: [...events, done(at + 900)] };
}

function allElements(node: WrittenNode): WrittenNode[] {
  const children = Array.isArray(node["childNodes"]) ? (node["childNodes"] as WrittenNode[]) : [];
  return [...(node.type === 2 ? [node] : []), ...children.flatMap(allElements)];
}

function stringsOf(attributes: unknown): Attributes {
  return Object.fromEntries(
    Object.entries((attributes ?? {}) as Record<string, unknown>).map(([name, value]) => [name, String(value)]),
  );
}
