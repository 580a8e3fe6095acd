/** Serialized nodes of made-up pages, as short as they can be written. */

import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";

export type Attributes = Record<string, unknown>;

/** A node as a recording holds it; nothing says that it is a sound one. */
export interface WrittenNode {
  type: unknown;
  id: unknown;
  [field: string]: unknown;
}

/** Ids of the page that {@link checkout} makes. */
export const IDS = { document: 1, html: 2, head: 3, body: 4, sentinel: 5, sentinelText: 6, firstFree: 100 } as const;

/** What the sentinel says when everything before it has been applied. */
export const DONE = "all of it was applied";

/** Writes nodes with ids of their own. */
export class PageWriter {
  private nextId: number;

  constructor(firstId: number = IDS.firstFree) {
    this.nextId = firstId;
  }

  element(tagName: string, attributes: Attributes = {}, childNodes: readonly WrittenNode[] = []): WrittenNode {
    return { type: 2, id: this.nextId++, tagName, attributes, childNodes: [...childNodes] };
  }

  svg(tagName: string, attributes: Attributes = {}, childNodes: readonly WrittenNode[] = []): WrittenNode {
    return { ...this.element(tagName, attributes, childNodes), isSVG: true };
  }

  text(textContent: string, isStyle = false): WrittenNode {
    return { type: 3, id: this.nextId++, textContent, ...(isStyle ? { isStyle } : {}) };
  }

  comment(textContent: string): WrittenNode {
    return { type: 5, id: this.nextId++, textContent };
  }

  document(childNodes: readonly WrittenNode[]): WrittenNode {
    return { type: 0, id: this.nextId++, childNodes: [...childNodes] };
  }
}

/** Meta and full snapshot of a page with these nodes in its head and body, and a sentinel. */
export function checkout(at: number, body: readonly WrittenNode[], head: readonly WrittenNode[] = [], href = PAGE): RrwebEvent[] {
  const element = (
    id: number,
    tagName: string,
    childNodes: readonly WrittenNode[],
    attributes: Attributes = {},
  ): WrittenNode => ({
    type: 2,
    id,
    tagName,
    attributes,
    childNodes: [...childNodes],
  });
  const sentinel = element(IDS.sentinel, "p", [{ type: 3, id: IDS.sentinelText, textContent: "not yet" }], { class: "sentinel" });
  const html = element(IDS.html, "html", [element(IDS.head, "head", head), element(IDS.body, "body", [sentinel, ...body])]);
  const doctype = { type: 1, id: 90, name: "html", publicId: "", systemId: "" };
  const node = { type: 0, id: IDS.document, childNodes: [doctype, html] };
  return [
    { type: RRWEB.meta, timestamp: at, data: { href, width: 800, height: 600 } },
    { type: RRWEB.fullSnapshot, timestamp: at, data: { node, initialOffset: { left: 0, top: 0 } } },
  ];
}

const PAGE = "https://shop.example/";

export function incremental(at: number, data: Record<string, unknown>): RrwebEvent {
  return { type: RRWEB.incremental, timestamp: at, data };
}

/** Adds nodes to the end of the body, each with what is in it. */
export function addition(at: number, nodes: readonly WrittenNode[], parentId: unknown = IDS.body): RrwebEvent {
  const adds: Record<string, unknown>[] = [];
  const add = (node: WrittenNode, parent: unknown): void => {
    adds.push({ parentId: parent, nextId: null, node: { ...node, childNodes: [] } });
    if (Array.isArray(node["childNodes"])) for (const child of node["childNodes"]) add(child as WrittenNode, node.id);
  };
  for (const node of nodes) add(node, parentId);
  return incremental(at, { source: 0, adds, removes: [], texts: [], attributes: [] });
}

/** Sets attributes of nodes that are there. */
export function changes(at: number, attributes: readonly { id: unknown; attributes: Attributes }[]): RrwebEvent {
  return incremental(at, { source: 0, adds: [], removes: [], texts: [], attributes });
}

/** Makes the sentinel say that it is done. */
export function done(at: number): RrwebEvent {
  return incremental(at, { source: 0, adds: [], removes: [], texts: [{ id: IDS.sentinelText, value: DONE }], attributes: [] });
}
