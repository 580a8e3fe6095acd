/**
 * What a scene holds, counted while events are fed to it: no more nodes and no deeper than the bounds say, nothing added where rrweb would
 * look for its place in vain (each such search costs half a second), nothing hung below itself, and no frame that is sent elsewhere.
 *
 * Follows the events, not the document: an event is judged before it is fed, up to a second before it is applied.
 */

import { RRWEB } from "../../protocol/rrweb-event.ts";
import { NODE, type CleanNode } from "./clean-node.ts";
import { MAX_NODE_DEPTH, MAX_PAGE_NODES } from "./limits.ts";
import { isRecord, SOURCE, type RrwebEvent } from "./rrweb-events.ts";

/** Elements whose address would load something that is no image, font or style sheet. */
const FRAMED = new Set(["iframe", "video", "audio", "track"]);
/** Times that additions are gone through for those whose neighbours come later in the same event. */
const MAX_ROUNDS = 12;
/** A node that is there already is moved with what is below it, up to this many nodes. */
const MAX_MOVED = 1_000;

interface Held {
  parent: number;
  depth: number;
  isFrame: boolean;
  isFramed: boolean;
  children: Set<number> | null;
}

interface Addition {
  parentId: number;
  nextId: number | null;
  node: CleanNode;
}

export class SceneGuard {
  /** True once something of the page was left out, because it is too much. */
  isCut = false;
  private readonly nodes = new Map<number, Held>();

  /** Number of nodes of the page. */
  get size(): number {
    return this.nodes.size;
  }

  /** Takes an event that `cleanEvent` made; gives it back as it may be fed. A full snapshot begins anew. */
  admit(event: RrwebEvent): RrwebEvent {
    const { data } = event;
    if (!isRecord(data)) return event;
    if (event.type === RRWEB.fullSnapshot && isNode(data["node"])) {
      this.nodes.clear();
      this.hold(data["node"], 0, 0);
    }
    if (event.type !== RRWEB.incremental || data["source"] !== SOURCE.mutation) return event;
    // rrweb forgets a node before it finds that it hangs somewhere else.
    const removes = records(data["removes"]).filter(({ id, parentId }) => this.nodes.get(Number(id))?.parent === parentId);
    for (const { id } of removes) this.drop(Number(id));
    const adds = this.place(records(data["adds"]).filter(isAddition));
    const attributes = records(data["attributes"]).map((change) => this.quieten(change));
    return { ...event, data: { ...data, removes, adds, attributes } };
  }

  /** The additions in an order in which each finds its place, without those that have none. */
  private place(adds: readonly Addition[]): Addition[] {
    const placed: Addition[] = [];
    let waiting = adds;
    for (let round = 0; waiting.length > 0 && round < MAX_ROUNDS; round++) {
      // In the last rounds a node whose neighbour never came goes to the end of its parent.
      const isLate = round >= MAX_ROUNDS / 2;
      const left: Addition[] = [];
      for (const add of waiting) {
        const isFrameDocument = add.node.type === NODE.document;
        const parent = this.nodes.get(add.parentId);
        // rrweb opens the document anew for one that hangs anywhere else; one may come before its frame.
        if (parent && parent.isFrame !== isFrameDocument) continue;
        const hasParent = parent !== undefined || isFrameDocument;
        const hasNext = add.nextId === null || this.nodes.has(add.nextId);
        if (!hasParent || !(hasNext || isLate)) left.push(add);
        else if (this.take(add)) placed.push(hasNext ? add : { ...add, nextId: null });
      }
      if (left.length === waiting.length && isLate) break;
      waiting = left;
    }
    return placed;
  }

  /** Notes an addition; false where it must not be made. */
  private take({ parentId, node }: Addition): boolean {
    const depth = (this.nodes.get(parentId)?.depth ?? 0) + 1;
    if (this.nodes.has(node.id)) return this.move(node.id, parentId, depth);
    if (depth > MAX_NODE_DEPTH || this.nodes.size >= MAX_PAGE_NODES) {
      this.isCut = true;
      return false;
    }
    // rrweb builds an added node alone, what is inside comes as additions of its own; only documents of frames come whole.
    this.hold(node.type === NODE.document ? node : { ...node, childNodes: [] }, parentId, depth);
    return true;
  }

  /** A node that is there already: rrweb moves it, with everything below it. */
  private move(id: number, parentId: number, depth: number): boolean {
    const below = this.below(id, MAX_MOVED);
    const own = this.nodes.get(id);
    if (!below || !own || below.has(parentId)) return false;
    const deepest = [...below].reduce((most, other) => Math.max(most, this.nodes.get(other)?.depth ?? 0), own.depth);
    const shift = depth - own.depth;
    if (deepest + shift > MAX_NODE_DEPTH) {
      this.isCut = true;
      return false;
    }
    this.nodes.get(own.parent)?.children?.delete(id);
    own.parent = parentId;
    this.link(id, parentId);
    for (const other of below) {
      const held = this.nodes.get(other);
      if (held) held.depth += shift;
    }
    return true;
  }

  /** A node and all nodes below it; null where these are more than `most`. */
  private below(id: number, most: number): Set<number> | null {
    const found = new Set([id]);
    for (const next of found) {
      for (const child of this.nodes.get(next)?.children ?? []) found.add(child);
      if (found.size > most) return null;
    }
    return found;
  }

  private hold(top: CleanNode, parentId: number, topDepth: number): void {
    const open = [{ node: top, parent: parentId, depth: topDepth }];
    for (let next = open.pop(); next; next = open.pop()) {
      const { node, parent, depth } = next;
      const isFramed = typeof node["tagName"] === "string" && FRAMED.has(node["tagName"]);
      this.nodes.set(node.id, { parent, depth, isFrame: node["tagName"] === "iframe", isFramed, children: null });
      this.link(node.id, parent);
      for (const child of node.childNodes) open.push({ node: child, parent: node.id, depth: depth + 1 });
    }
  }

  private link(id: number, parentId: number): void {
    const parent = this.nodes.get(parentId);
    if (parent) (parent.children ??= new Set()).add(id);
  }

  private drop(id: number): void {
    const own = this.nodes.get(id);
    if (!own) return;
    this.nodes.get(own.parent)?.children?.delete(id);
    for (const other of this.below(id, Infinity) ?? []) this.nodes.delete(other);
  }

  /** A change of attributes, without those that would make a frame or a film load something. */
  private quieten(change: Record<string, unknown>): Record<string, unknown> {
    const { attributes } = change;
    if (!isRecord(attributes) || this.nodes.get(Number(change["id"]))?.isFramed !== true) return change;
    const quiet = Object.entries(attributes).filter(([name]) => !/^(?:src|srcset)$/i.test(name));
    return { ...change, attributes: Object.fromEntries(quiet) };
  }
}

/** How much work an event is, in changes of a page. */
export function countChanges({ data }: RrwebEvent): number {
  if (!isRecord(data)) return 1;
  const parts = [data["adds"], data["removes"], data["texts"], data["attributes"], data["positions"], data["styles"]];
  return parts.reduce<number>((sum, part) => sum + (Array.isArray(part) ? part.length : 0), 1);
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function isAddition(add: Record<string, unknown>): add is Record<string, unknown> & Addition {
  return (
    typeof add["parentId"] === "number" && (add["nextId"] === null || typeof add["nextId"] === "number") && isNode(add["node"])
  );
}

function isNode(value: unknown): value is CleanNode {
  return isRecord(value) && typeof value["id"] === "number" && Array.isArray(value["childNodes"]);
}
