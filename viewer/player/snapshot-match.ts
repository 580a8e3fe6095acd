/**
 * Whether a checkout shows what is on the stage already: same nodes, same ids, same order, same text. A scene that is in step can then go
 * on without being built again, which keeps animations, scroll positions and images as they are.
 */

import { isRecord } from "./rrweb-events.ts";

/** What is asked of rrweb's mirror: which node has an id, and which id a node has. */
export interface NodeMirror {
  getNode(id: number): Node | null;
  getId(node: Node): number;
}

/** Types of serialized nodes (`rrweb-snapshot`, `NodeType`). */
const DOCUMENT = 0;
const ELEMENT = 2;
const TEXT = 3;

/** Their content is rewritten by the Replayer (or has its own document), so that it cannot be compared. */
const OPAQUE = new Set(["style", "script", "noscript", "iframe", "link", "textarea"]);

/** Compares a full snapshot's root node with the document that a Replayer shows. False for every doubt. */
export function isSameDocument(root: unknown, mirror: NodeMirror): boolean {
  return isRecord(root) && root["type"] === DOCUMENT && isSameNode(root, mirror);
}

function isSameNode(serialized: Record<string, unknown>, mirror: NodeMirror): boolean {
  const { id, type, childNodes } = serialized;
  if (typeof id !== "number") return false;
  const node = mirror.getNode(id);
  if (!node) return false;
  if (type === TEXT) return node.nodeType === Node.TEXT_NODE && node.textContent === serialized["textContent"];
  if (type === ELEMENT) {
    const name = serialized["tagName"];
    if (typeof name !== "string" || node.nodeName.toLowerCase() !== name.toLowerCase()) return false;
    if (OPAQUE.has(name)) return true;
  }
  if (!Array.isArray(childNodes)) return true;
  return hasSameChildren(childNodes, node, mirror);
}

function hasSameChildren(childNodes: readonly unknown[], node: Node, mirror: NodeMirror): boolean {
  const shadow: Record<string, unknown>[] = [];
  const light: Record<string, unknown>[] = [];
  for (const child of childNodes) {
    if (!isRecord(child)) return false;
    (child["isShadow"] === true ? shadow : light).push(child);
  }
  // The nodes belong to the frame, where "instanceof" means other classes than here.
  const root = "shadowRoot" in node && isRecord(node.shadowRoot) ? node.shadowRoot : null;
  if (!isSameList(light, node.childNodes, mirror)) return false;
  if (shadow.length > 0 || root) {
    if (!root || !isNodeList(root["childNodes"])) return false;
    if (!isSameList(shadow, root["childNodes"], mirror)) return false;
  }
  return [...light, ...shadow].every((child) => isSameNode(child, mirror));
}

/** Nodes without an id are the Replayer's own (its style rules); they do not count. */
function isSameList(serialized: readonly Record<string, unknown>[], nodes: NodeListOf<ChildNode>, mirror: NodeMirror): boolean {
  let index = 0;
  for (const node of nodes) {
    const id = mirror.getId(node);
    if (id === -1) continue;
    if (serialized[index]?.["id"] !== id) return false;
    index++;
  }
  return index === serialized.length;
}

function isNodeList(value: unknown): value is NodeListOf<ChildNode> {
  return isRecord(value) && typeof value["length"] === "number" && Symbol.iterator in value;
}
