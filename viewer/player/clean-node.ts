/**
 * Serialized nodes of a recording (`rrweb-snapshot`), cleaned: every node is written anew with the fields that are known and of the right
 * type, so that rrweb can build it without falling over, and nothing in it runs, navigates or reaches out by itself.
 *
 * Nodes are made harmless and not left out, because others name them by their id.
 */

import { cleanAttributes, type CleanValue } from "./clean-attributes.ts";
import { MAX_NODE_DEPTH, MAX_PAGE_NODES, MAX_SHEET_CHARACTERS, MAX_TEXT_CHARACTERS, TooLarge } from "./limits.ts";
import { noteHosts } from "./outside-hosts.ts";
import { isRecord } from "./rrweb-events.ts";

/** Types of serialized nodes. */
export const NODE = { document: 0, doctype: 1, element: 2, text: 3, cdata: 4, comment: 5 } as const;

/** A node as rrweb builds it. */
export interface CleanNode {
  type: number;
  id: number;
  childNodes: CleanNode[];
  [field: string]: unknown;
}

/** Elements that would load or run something and are shown as an empty box; their fallback content stays inside. */
const BOXED = new Map([
  ...["object", "embed", "applet", "portal", "fencedframe", "frame", "frameset"].map((name): [string, string] => [
    name,
    "wb-box",
  ]),
  ["base", "wb-base"],
  ["script", "noscript"],
]);

/** Elements that may have a shadow root; the others make `attachShadow` throw. */
const SHADOW_HOSTS = /^(?:article|aside|blockquote|body|div|footer|h[1-6]|header|main|nav|p|section|span|[a-z][\w.]*-[\w.-]*)$/;
const NO_CUSTOM = /^(?:annotation-xml|color-profile|font-face(?:-src|-uri|-format|-name)?|missing-glyph)$/;
const VALID_NAME = /^[a-z_][\w:.-]*$/i;

/** What is known while a tree is cleaned. */
interface Walk {
  hosts: Set<string>;
  seen: Set<number>;
  sheetCharacters: number;
}

/**
 * Cleans a node and everything below it.
 * @param hosts gets the origins of what the page would load
 * @returns null where it is no node
 * @throws TooLarge
 */
export function cleanTree(root: unknown, hosts: Set<string>): CleanNode | null {
  const walk: Walk = { hosts, seen: new Set(), sheetCharacters: 0 };
  const top = cleanNode(root, walk, null);
  if (!top || !isRecord(root)) return null;
  const open = [{ from: root, to: top, depth: 1, inMedia: false }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { from, to, depth } = next;
    const children = from["childNodes"];
    if (!Array.isArray(children) || depth > MAX_NODE_DEPTH) continue;
    const inMedia = to["tagName"] === "video" || to["tagName"] === "audio";
    for (const child of children) {
      const clean = cleanNode(child, walk, { parent: to, inMedia });
      if (!clean || !isRecord(child) || !fits(clean, to)) continue;
      to.childNodes.push(clean);
      if (walk.seen.size > MAX_PAGE_NODES) throw new TooLarge("This page has more parts than can be shown");
      open.push({ from: child, to: clean, depth: depth + 1, inMedia });
    }
  }
  return top;
}

/** A node without its children, or null where rrweb could not build it. */
function cleanNode(node: unknown, walk: Walk, place: { parent: CleanNode; inMedia: boolean } | null): CleanNode | null {
  if (!isRecord(node)) return null;
  const { id, type } = node;
  if (!isNodeId(id) || typeof type !== "number" || walk.seen.has(id)) return null;
  walk.seen.add(id);
  const common = { id, childNodes: [], ...(isNodeId(node["rootId"]) ? { rootId: node["rootId"] } : {}) };
  switch (type) {
    case NODE.document: {
      const isQuirky =
        node["compatMode"] === "BackCompat" && Array.isArray(node["childNodes"]) && isRecord(node["childNodes"][0]);
      return { type, ...common, ...(isQuirky ? { compatMode: "BackCompat" } : {}) };
    }
    case NODE.doctype: {
      const name = typeof node["name"] === "string" && VALID_NAME.test(node["name"]) ? node["name"] : "html";
      return { type, ...common, name, publicId: toText(node["publicId"]), systemId: toText(node["systemId"]) };
    }
    case NODE.element:
      return cleanElement(node, common, walk, place?.inMedia === true);
    case NODE.text:
    case NODE.cdata:
      // A CDATA section cannot be made in an HTML document.
      return { type: NODE.text, ...common, ...shadowOf(node, place), ...cleanText(node, walk, place?.parent) };
    case NODE.comment:
      return { type, ...common, ...shadowOf(node, place), textContent: "" };
    default:
      return null;
  }
}

function cleanElement(
  node: Record<string, unknown>,
  common: { id: number; childNodes: CleanNode[] },
  walk: Walk,
  inMedia: boolean,
): CleanNode {
  const given = typeof node["tagName"] === "string" && VALID_NAME.test(node["tagName"]) ? node["tagName"] : "div";
  const lower = given.toLowerCase();
  const isSvg = node["isSVG"] === true;
  const attributes = cleanAttributes(node["attributes"], lower === "source" && inMedia ? "source:media" : lower, walk.hosts);
  const tagName = BOXED.get(lower) ?? (isSvg ? given : lower);
  if (lower === "link") cleanLink(attributes, walk.hosts);
  if (typeof attributes["_cssText"] === "string") attributes["_cssText"] = cleanSheet(attributes["_cssText"], walk);
  const host = node["isShadowHost"] === true && !isSvg && SHADOW_HOSTS.test(tagName) && !NO_CUSTOM.test(tagName);
  const isCustom =
    node["isCustom"] === true && !isSvg && tagName.includes("-") && SHADOW_HOSTS.test(tagName) && !NO_CUSTOM.test(tagName);
  return {
    type: NODE.element,
    ...common,
    tagName,
    attributes,
    ...(isSvg ? { isSVG: true } : {}),
    ...(node["needBlock"] === true ? { needBlock: true } : {}),
    ...(host ? { isShadowHost: true } : {}),
    ...(isCustom ? { isCustom: true } : {}),
    ...(node["isShadow"] === true ? { isShadow: true } : {}),
  };
}

/** A link is a style sheet or nothing: no preloading, no connecting ahead, no icon. */
function cleanLink(attributes: Record<string, CleanValue>, hosts: Set<string>): void {
  // With the text of its sheet, rrweb builds a style and asks nobody.
  if (typeof attributes["_cssText"] === "string") return;
  if (attributes["rel"] === undefined) delete attributes["href"];
  else if (typeof attributes["href"] === "string") noteHosts(attributes["href"], hosts);
}

function cleanText(node: Record<string, unknown>, walk: Walk, parent: CleanNode | undefined): Record<string, unknown> {
  const text = toText(node["textContent"]);
  const isStyle = node["isStyle"] === true || parent?.["tagName"] === "style";
  if (isStyle) return { textContent: cleanSheet(text, walk), isStyle: true };
  // The children of a script or a noscript are never seen.
  if (parent?.["tagName"] === "noscript") return { textContent: "" };
  return { textContent: cutText(text) };
}

/** Text of a style sheet, or nothing where the snapshot holds too many of them. */
function cleanSheet(css: string, walk: Walk): string {
  walk.sheetCharacters += css.length;
  if (walk.sheetCharacters > MAX_SHEET_CHARACTERS) return "";
  noteHosts(css, walk.hosts);
  return css;
}

/** Where a child may hang: a document takes one doctype and one element, and what lies in a shadow needs a host. */
function fits(child: CleanNode, parent: CleanNode): boolean {
  if (parent.type === NODE.document) {
    const isTaken = parent.childNodes.some((other) => other.type === child.type);
    if (child.type === NODE.doctype) return !isTaken && parent.childNodes.every((other) => other.type === NODE.comment);
    return child.type === NODE.comment || (child.type === NODE.element && !isTaken);
  }
  if (child["isShadow"] === true && parent["isShadowHost"] !== true) delete child["isShadow"];
  // Inside a page, a document hangs under its frame; rrweb tells of it in an event of its own.
  return parent.type === NODE.element && child.type !== NODE.doctype && child.type !== NODE.document;
}

/** The top of what an event adds may lie in a shadow whose host is not here. */
function shadowOf(node: Record<string, unknown>, place: { parent: CleanNode } | null): Record<string, unknown> {
  return node["isShadow"] === true && (place === null || place.parent["isShadowHost"] === true) ? { isShadow: true } : {};
}

/** Text up to the longest that is shown whole. */
export function cutText(text: string): string {
  return text.length > MAX_TEXT_CHARACTERS ? `${text.slice(0, MAX_TEXT_CHARACTERS)} …` : text;
}

/** True for what rrweb gives out as an id of a node. */
export function isNodeId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 0x7fffffff;
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
