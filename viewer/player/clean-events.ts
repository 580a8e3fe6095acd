/**
 * Events of a recording, cleaned before rrweb sees them: each is written anew with the fields that are known and of the right type. What a
 * replay has no use for is left out: commands of canvases, media, plugins, what was logged.
 */

import { RRWEB } from "../../protocol/rrweb-event.ts";
import { cleanAttributes } from "./clean-attributes.ts";
import { cleanTree, cutText, isNodeId, NODE } from "./clean-node.ts";
import { MAX_COORDINATE, MAX_PAGE_PX, MAX_SHEET_CHARACTERS } from "./limits.ts";
import { noteHosts } from "./outside-hosts.ts";
import { isRecord, SOURCE, type RrwebEvent } from "./rrweb-events.ts";

/** Longest address of a page and longest name of a custom event. */
const MAX_NAME = 4_096;
/** Kinds of mouse interactions (`@rrweb/types`, `MouseInteractions`). */
const LAST_INTERACTION = 10;
/** Most places that a pointer passes, ranges that are selected, or rules that one event changes. */
const MAX_ENTRIES = 20_000;

type Data = Record<string, unknown>;

/**
 * The event as rrweb may have it, or null where nothing of it can be shown.
 * @param hosts gets the origins of what the page would load
 * @throws TooLarge
 */
export function cleanEvent(event: RrwebEvent, hosts: Set<string>): RrwebEvent | null {
  const { type, timestamp } = event;
  const data = cleanData(type, isRecord(event.data) ? event.data : {}, hosts);
  return data && { type, timestamp, data };
}

function cleanData(type: number, data: Data, hosts: Set<string>): Data | null {
  switch (type) {
    case RRWEB.domContentLoaded:
    case RRWEB.load:
      return {};
    case RRWEB.meta:
      return { href: toText(data["href"]).slice(0, MAX_NAME), ...cleanSize(data) };
    case RRWEB.fullSnapshot: {
      const node = cleanTree(data["node"], hosts);
      const offset = isRecord(data["initialOffset"]) ? data["initialOffset"] : {};
      return node?.type === NODE.document
        ? { node, initialOffset: { left: toCoordinate(offset["left"]), top: toCoordinate(offset["top"]) } }
        : null;
    }
    case RRWEB.incremental:
      return cleanIncremental(data, hosts);
    case RRWEB.custom:
      return { tag: toText(data["tag"]).slice(0, MAX_NAME), payload: {} };
    default:
      return null;
  }
}

function cleanIncremental(data: Data, hosts: Set<string>): Data | null {
  const { source, id } = data;
  switch (source) {
    case SOURCE.mutation:
      return cleanMutation(data, hosts);
    case SOURCE.mouseMove:
    case SOURCE.touchMove:
    case SOURCE.drag: {
      const positions = list(data["positions"]).flatMap(cleanPosition);
      return positions.length > 0 ? { source, positions } : null;
    }
    case SOURCE.mouseInteraction: {
      const { type } = data;
      if (!isNodeId(id) || !isIndex(type) || type > LAST_INTERACTION) return null;
      const place = typeof data["x"] === "number" ? { x: toCoordinate(data["x"]), y: toCoordinate(data["y"]) } : {};
      return { source, type, id, ...place };
    }
    case SOURCE.scroll:
      return isNodeId(id) ? { source, id, x: toCoordinate(data["x"]), y: toCoordinate(data["y"]) } : null;
    case SOURCE.viewportResize: {
      const size = cleanSize(data);
      return size && { source, ...size };
    }
    case SOURCE.input:
      return isNodeId(id) ? { source, id, text: cutText(toText(data["text"])), isChecked: data["isChecked"] === true } : null;
    case SOURCE.styleSheetRule:
      return cleanRules(data, hosts);
    case SOURCE.styleDeclaration:
      return cleanDeclaration(data, hosts);
    case SOURCE.font:
      return cleanFont(data);
    case SOURCE.selection:
      return { source, ranges: list(data["ranges"]).flatMap(cleanRange) };
    case SOURCE.adoptedStyleSheet:
      return cleanAdopted(data, hosts);
    default:
      return null;
  }
}

function cleanMutation(data: Data, hosts: Set<string>): Data {
  const adds = list(data["adds"], Infinity).flatMap((add) => {
    if (!isRecord(add) || !isNodeId(add["parentId"])) return [];
    const node = cleanTree(add["node"], hosts);
    if (!node) return [];
    const { parentId, nextId, previousId } = add;
    // An old recorder says where a node belongs by its neighbour before; a new one leaves that out.
    const before = isNodeId(previousId) ? { previousId } : {};
    return [{ parentId, nextId: isNodeId(nextId) ? nextId : null, ...before, node }];
  });
  const removes = list(data["removes"], Infinity).flatMap((remove) => {
    if (!isRecord(remove) || !isNodeId(remove["parentId"]) || !isNodeId(remove["id"])) return [];
    return [{ parentId: remove["parentId"], id: remove["id"], ...(remove["isShadow"] === true ? { isShadow: true } : {}) }];
  });
  const texts = list(data["texts"], Infinity).flatMap((text) => {
    if (!isRecord(text) || !isNodeId(text["id"])) return [];
    const value = cutText(toText(text["value"]));
    noteHosts(value, hosts);
    return [{ id: text["id"], value }];
  });
  const attributes = list(data["attributes"], Infinity).flatMap((change) =>
    isRecord(change) && isNodeId(change["id"])
      ? [{ id: change["id"], attributes: cleanAttributes(change["attributes"], null, hosts) }]
      : [],
  );
  return { source: SOURCE.mutation, adds, removes, texts, attributes };
}

function cleanSize(data: Data): { width: number; height: number } | null {
  const { width, height } = data;
  if (!isFiniteNumber(width) || !isFiniteNumber(height)) return null;
  const fit = (length: number) => Math.min(MAX_PAGE_PX, Math.max(1, Math.round(length)));
  return { width: fit(width), height: fit(height) };
}

function cleanPosition(position: unknown): Data[] {
  if (!isRecord(position) || !isNodeId(position["id"])) return [];
  const { x, y, id, timeOffset } = position;
  if (!isFiniteNumber(x) || !isFiniteNumber(y) || !isFiniteNumber(timeOffset)) return [];
  // A recorder sends the way of half a second; what is meant to be longer would be played in another minute.
  return [{ x: toCoordinate(x), y: toCoordinate(y), id, timeOffset: Math.min(0, Math.max(-5_000, timeOffset)) }];
}

function cleanRules(data: Data, hosts: Set<string>): Data | null {
  const target = cleanSheetTarget(data);
  if (!target) return null;
  const adds = list(data["adds"]).flatMap((add) => cleanRule(add, hosts));
  const removes = list(data["removes"]).flatMap((remove) =>
    isRecord(remove) && isRuleIndex(remove["index"]) ? [{ index: remove["index"] }] : [],
  );
  const clean: Data = { source: SOURCE.styleSheetRule, ...target, adds, removes };
  // The one that waits rejects where it may not be done, and nobody would hear it.
  const css = data["replaceSync"] ?? data["replace"];
  if (typeof css === "string" && css.length <= MAX_SHEET_CHARACTERS) {
    noteHosts(css, hosts);
    clean["replaceSync"] = css;
  }
  return clean;
}

function cleanRule(add: unknown, hosts: Set<string>): Data[] {
  if (!isRecord(add) || typeof add["rule"] !== "string" || add["rule"].length > MAX_SHEET_CHARACTERS) return [];
  noteHosts(add["rule"], hosts);
  return [{ rule: add["rule"], ...(isRuleIndex(add["index"]) ? { index: add["index"] } : {}) }];
}

function cleanDeclaration(data: Data, hosts: Set<string>): Data | null {
  const target = cleanSheetTarget(data);
  const { index, set, remove } = data;
  if (!target || !isRuleIndex(index) || !Array.isArray(index)) return null;
  const clean: Data = { source: SOURCE.styleDeclaration, ...target, index };
  if (isRecord(set) && typeof set["property"] === "string") {
    const value = toText(set["value"]);
    noteHosts(value, hosts);
    clean["set"] = { property: set["property"], value, priority: set["priority"] === "important" ? "important" : "" };
  }
  if (isRecord(remove) && typeof remove["property"] === "string") clean["remove"] = { property: remove["property"] };
  return clean;
}

/** Fonts are made in the viewer's own document: only those that come along are taken. */
function cleanFont(data: Data): Data | null {
  const { family, fontSource, buffer } = data;
  if (typeof family !== "string" || typeof fontSource !== "string") return null;
  const isHere = buffer === true ? /^[[\]{}"\d,:\s]*$/.test(fontSource) : /^url\(["']?data:[^()]*\)$/.test(fontSource);
  return isHere ? { source: SOURCE.font, family: family.slice(0, MAX_NAME), fontSource, buffer: buffer === true } : null;
}

function cleanRange(range: unknown): Data[] {
  if (!isRecord(range)) return [];
  const { start, startOffset, end, endOffset } = range;
  return isNodeId(start) && isNodeId(end) && isIndex(startOffset) && isIndex(endOffset)
    ? [{ start, startOffset, end, endOffset }]
    : [];
}

function cleanAdopted(data: Data, hosts: Set<string>): Data | null {
  if (!isNodeId(data["id"])) return null;
  const styles = list(data["styles"]).flatMap((style) =>
    isRecord(style) && isNodeId(style["styleId"])
      ? [{ styleId: style["styleId"], rules: list(style["rules"]).flatMap((rule) => cleanRule(rule, hosts)) }]
      : [],
  );
  const styleIds = list(data["styleIds"]).filter(isNodeId);
  return { source: SOURCE.adoptedStyleSheet, id: data["id"], styleIds, ...(styles.length > 0 ? { styles } : {}) };
}

function cleanSheetTarget(data: Data): Data | null {
  if (isNodeId(data["styleId"])) return { styleId: data["styleId"] };
  return isNodeId(data["id"]) ? { id: data["id"] } : null;
}

function list(value: unknown, most = MAX_ENTRIES): readonly unknown[] {
  if (!Array.isArray(value)) return [];
  const entries: readonly unknown[] = value as readonly unknown[];
  return entries.length > most ? entries.slice(0, most) : entries;
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isIndex(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

/** A place in a style sheet: an index, or the way into nested rules. */
function isRuleIndex(value: unknown): value is number | number[] {
  return isIndex(value) || (Array.isArray(value) && value.length > 0 && value.length <= 32 && value.every(isIndex));
}

function toCoordinate(value: unknown): number {
  return isFiniteNumber(value) ? Math.min(MAX_COORDINATE, Math.max(-MAX_COORDINATE, value)) : 0;
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
