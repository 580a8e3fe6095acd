/** What the player knows of rrweb events: their shapes, checked, because a recording is hostile input. */

import type { eventWithTime } from "rrweb";
import { RRWEB } from "../../protocol/rrweb-event.ts";

/** An event that has a type and a time; its data is looked at when it is played. */
export interface RrwebEvent {
  type: number;
  timestamp: number;
  data?: unknown;
}

/** Sources of incremental events (`@rrweb/types`, `IncrementalSource`). */
export const SOURCE = {
  mutation: 0,
  mouseMove: 1,
  mouseInteraction: 2,
  scroll: 3,
  viewportResize: 4,
  input: 5,
  touchMove: 6,
  styleSheetRule: 8,
  font: 10,
  drag: 12,
  styleDeclaration: 13,
  selection: 14,
  adoptedStyleSheet: 15,
} as const;

/** Interactions in which the pointer is somewhere (`MouseInteractions`: mouse up, mouse down, click … touch end). */
const LAST_POINTED_INTERACTION = 9;

/** A point of a pointer's way; `timeOffset` is relative to the event and never above 0. */
export interface MovePosition {
  x: number;
  y: number;
  id: number;
  timeOffset: number;
}

/** True for an object with a numeric type and a finite time. */
export function isRrwebEvent(value: unknown): value is RrwebEvent {
  return isRecord(value) && typeof value["type"] === "number" && isFiniteNumber(value["timestamp"]);
}

/**
 * True where rrweb's Replayer can take the event without falling over: a snapshot has a root node, an incremental event a source, a
 * Meta a size. Everything behind that is caught by the Replayer itself or by the scene around it.
 */
export function isPlayable(event: RrwebEvent): event is RrwebEvent & eventWithTime {
  const { data } = event;
  switch (event.type) {
    case RRWEB.fullSnapshot:
      return isRecord(data) && isRecord(data["node"]) && isRecord(data["initialOffset"]);
    case RRWEB.incremental:
      return isRecord(data) && isPlayableIncremental(data);
    case RRWEB.meta:
      return isRecord(data) && isFiniteNumber(data["width"]) && isFiniteNumber(data["height"]);
    case RRWEB.custom:
      return isRecord(data) && typeof data["tag"] === "string";
    default:
      return event.type === RRWEB.domContentLoaded || event.type === RRWEB.load;
  }
}

function isPlayableIncremental(data: Record<string, unknown>): boolean {
  switch (data["source"]) {
    case SOURCE.mutation:
      return ["adds", "removes", "texts", "attributes"].every((name) => Array.isArray(data[name]));
    case SOURCE.mouseMove:
    case SOURCE.touchMove:
    case SOURCE.drag:
      return Array.isArray(data["positions"]) && data["positions"].length > 0 && data["positions"].every(isMovePosition);
    case SOURCE.viewportResize:
      return isFiniteNumber(data["width"]) && isFiniteNumber(data["height"]);
    default:
      return typeof data["source"] === "number";
  }
}

/** The size that an event gives to the page, or null where it gives none. */
export function readSize(event: RrwebEvent): { width: number; height: number } | null {
  if (!isRecord(event.data)) return null;
  const isResize = event.type === RRWEB.incremental && event.data["source"] === SOURCE.viewportResize;
  if (event.type !== RRWEB.meta && !isResize) return null;
  const { width, height } = event.data;
  return isFiniteNumber(width) && isFiniteNumber(height) ? { width, height } : null;
}

/** The address in a Meta event, or null. */
export function readHref(event: RrwebEvent): string | null {
  if (event.type !== RRWEB.meta || !isRecord(event.data)) return null;
  return typeof event.data["href"] === "string" ? event.data["href"] : null;
}

/** The way of the pointer in a mouse, touch or drag move; null for every other event. */
export function readMove(event: RrwebEvent): MovePosition[] | null {
  if (event.type !== RRWEB.incremental || !isRecord(event.data)) return null;
  const { source, positions } = event.data;
  if (source !== SOURCE.mouseMove && source !== SOURCE.touchMove && source !== SOURCE.drag) return null;
  return Array.isArray(positions) ? positions.filter(isMovePosition) : null;
}

/** Where a click, press or touch happened; null for every other event. */
export function readPoint(event: RrwebEvent): { x: number; y: number; id: number } | null {
  if (event.type !== RRWEB.incremental || !isRecord(event.data)) return null;
  const { source, type, x, y, id } = event.data;
  if (source !== SOURCE.mouseInteraction || typeof type !== "number" || type > LAST_POINTED_INTERACTION) return null;
  return isFiniteNumber(x) && isFiniteNumber(y) && isFiniteNumber(id) ? { x, y, id } : null;
}

/** True where the visitor did something: moved, clicked, scrolled, typed, resized. */
export function isInteraction(event: RrwebEvent): boolean {
  if (event.type !== RRWEB.incremental || !isRecord(event.data)) return false;
  const { source } = event.data;
  return typeof source === "number" && ((source >= SOURCE.mouseMove && source <= SOURCE.touchMove) || source === SOURCE.drag);
}

/** True for a plain object or an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isMovePosition(value: unknown): value is MovePosition {
  return isRecord(value) && ["x", "y", "id", "timeOffset"].every((name) => isFiniteNumber(value[name]));
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
