/**
 * What events say besides the page itself: console calls, requests, state and storage that the page told, and what was typed. Read before
 * the events are cleaned for rrweb, which has no use for it. All of it is text of a page we do not know: bounded here, and never run.
 */

import { RRWEB } from "../../protocol/rrweb-event.ts";
import { isRecord, SOURCE, type RrwebEvent } from "./rrweb-events.ts";

/** Longest text that is kept of one value, and the most values of one call. */
export const MAX_ENTRY_TEXT = 8_192;
const MAX_VALUES = 32;
const MAX_NAME = 1_024;
/** Most requests in one event; rrweb's plugin gathers those of a page's beginning. */
const MAX_REQUESTS = 500;
const MAX_TRACE = 50;

export const CONSOLE_LEVELS = ["error", "warn", "info", "log", "debug"] as const;
export type ConsoleLevel = (typeof CONSOLE_LEVELS)[number];

/** Everything that the page told at a moment (page time). */
export type LogEntry = ConsoleEntry | RequestEntry | StateEntry | TypedEntry;

/** A console call. */
export interface ConsoleEntry {
  kind: "console";
  at: number;
  level: ConsoleLevel;
  /** What it was called with, each as JSON text. */
  values: readonly string[];
  /** Where it was called, innermost first. */
  trace: readonly string[];
}

/** A request of the page; `at` is when it was sent. */
export interface RequestEntry {
  kind: "request";
  at: number;
  method: string;
  url: string;
  /** 0 where no answer came. */
  status: number;
  durationMs: number | null;
  /** What asked for it: `fetch`, `xmlhttprequest`, `img` … */
  initiator: string;
  /** Bytes of the answer, where they are known. */
  bytes: number | null;
  requestBody: string | null;
  responseBody: string | null;
}

/** A value that the page told: of its own state, or of its storage. */
export interface StateEntry {
  kind: "state";
  at: number;
  /** `state`, or the area of the storage: `local`, `session`, `cookie` … */
  area: string;
  name: string;
  /** JSON text, or any other. */
  value: string;
}

/** Something was typed, chosen or checked; masked as it was recorded. */
export interface TypedEntry {
  kind: "typed";
  at: number;
  node: number;
  text: string;
  isChecked: boolean;
}

/** Only text that holds one of these can hold an entry; everything else need not be parsed for it. */
const SIGNS = ["rrweb/console@", "rrweb/network@", "watchback/", '"source":5,'];

/** True where the JSON text of a batch may hold entries. */
export function mayHoldEntries(json: string): boolean {
  return SIGNS.some((sign) => json.includes(sign));
}

/** The entries of an event: none for most of them. */
export function readEntries(event: RrwebEvent): LogEntry[] {
  const { type, timestamp: at, data } = event;
  if (!isRecord(data)) return [];
  if (type === RRWEB.plugin && isRecord(data["payload"])) {
    const plugin = toText(data["plugin"]);
    if (plugin.startsWith("rrweb/console@")) return [readConsole(data["payload"], at)];
    if (plugin.startsWith("rrweb/network@")) return readRequests(data["payload"], at);
  }
  if (type === RRWEB.custom && isRecord(data["payload"])) return readState(toText(data["tag"]), data["payload"], at);
  if (type === RRWEB.incremental && data["source"] === SOURCE.input && typeof data["id"] === "number") {
    const text = toText(data["text"]).slice(0, MAX_NAME);
    return [{ kind: "typed", at, node: data["id"], text, isChecked: data["isChecked"] === true }];
  }
  return [];
}

function readConsole(payload: Record<string, unknown>, at: number): ConsoleEntry {
  return {
    kind: "console",
    at,
    level: toLevel(toText(payload["level"])),
    values: toTexts(payload["payload"], MAX_VALUES, MAX_ENTRY_TEXT),
    trace: toTexts(payload["trace"], MAX_TRACE, MAX_NAME),
  };
}

/** The plugin knows some twenty methods of the console; each is one of five levels. */
function toLevel(level: string): ConsoleLevel {
  if (level === "assert") return "error";
  if (level === "trace") return "debug";
  return CONSOLE_LEVELS.find((known) => known === level) ?? "log";
}

function readRequests(payload: Record<string, unknown>, at: number): RequestEntry[] {
  const requests: readonly unknown[] = Array.isArray(payload["requests"]) ? payload["requests"] : [];
  return requests.slice(0, MAX_REQUESTS).flatMap((request) => (isRecord(request) ? [readRequest(request, at)] : []));
}

function readRequest(request: Record<string, unknown>, eventAt: number): RequestEntry {
  const duration = toCount(request["duration"]);
  return {
    kind: "request",
    // The event is written when the answer is there; the plugin's own times count from the beginning of the page.
    at: eventAt - Math.min(duration ?? 0, 3_600_000),
    method: toText(request["method"]).slice(0, 32) || "GET",
    url: (toText(request["name"]) || toText(request["url"])).slice(0, MAX_NAME),
    status: toCount(request["status"] ?? request["responseStatus"]) ?? 0,
    durationMs: duration,
    initiator: toText(request["initiatorType"]).slice(0, 64),
    bytes: toCount(request["transferSize"]) ?? toCount(request["encodedBodySize"]) ?? toCount(request["bytes"]),
    requestBody: toBody(request["requestBody"]),
    responseBody: toBody(request["responseBody"]),
  };
}

function readState(tag: string, payload: Record<string, unknown>, at: number): StateEntry[] {
  const area = tag === "watchback/state" ? "state" : tag === "watchback/storage" ? toText(payload["area"]) : null;
  if (area === null) return [];
  const { value } = payload;
  const text = typeof value === "string" ? value : value === null || value === undefined ? "" : toJson(value);
  const name = toText(payload["name"]).slice(0, MAX_NAME);
  return [{ kind: "state", at, area: area.slice(0, 64) || "storage", name, value: text.slice(0, MAX_ENTRY_TEXT) }];
}

function toBody(value: unknown): string | null {
  if (value === null || value === undefined || value === "") return null;
  return (typeof value === "string" ? value : toJson(value)).slice(0, MAX_ENTRY_TEXT);
}

function toTexts(value: unknown, most: number, longest: number): string[] {
  if (!Array.isArray(value)) return [];
  const values: readonly unknown[] = value;
  return values.slice(0, most).map((one) => (typeof one === "string" ? one : toJson(one)).slice(0, longest));
}

function toJson(value: unknown): string {
  const text: unknown = JSON.stringify(value);
  return typeof text === "string" ? text : "";
}

function toCount(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
