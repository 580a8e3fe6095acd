/** Rows of the panels that are made of markers: errors, page loads, what the visitor did, custom marks, and all of it together. */

import type { MarkerKind } from "../../../protocol/markers.ts";
import type { BookedEntry } from "../../player/log-book.ts";
import type { TypedEntry } from "../../player/log-entries.ts";
import type { Page, TimelineMarker } from "../../player/timeline.ts";
import { formatPath, markerName, markerTitle } from "../format.ts";
import { base, formatMs, inTime, isLogMarker } from "./log-rows.ts";
import type { Fact, PanelRow, Tone } from "./panel-row.ts";
import { readVitals, type Vital } from "./vitals.ts";

export const FRICTION: ReadonlySet<MarkerKind> = new Set([
  "rage_click",
  "dead_click",
  "error_click",
  "thrash",
  "form_abandoned",
  "reload_loop",
]);
const ERRORS: ReadonlySet<MarkerKind> = new Set(["error", "console_error"]);
/** Keystrokes in one field that are nearer to each other than this are one row. */
const TYPING_MS = 3_000;

/** The group of a marker among all events. */
function groupOf(kind: MarkerKind): string {
  if (ERRORS.has(kind)) return "errors";
  if (FRICTION.has(kind)) return "friction";
  switch (kind) {
    case "failed_request":
      return "requests";
    case "navigation":
    case "page_load":
    case "web_vitals":
      return "pages";
    case "click":
      return "clicks";
    default:
      return "marks";
  }
}

function toneOf(kind: MarkerKind): Tone {
  if (kind === "error") return "error";
  return FRICTION.has(kind) || kind === "console_error" || kind === "failed_request" ? "warn" : "plain";
}

/** Everything worth jumping to. */
export function eventRows(markers: readonly TimelineMarker[]): PanelRow[] {
  return markers
    .filter((marker) => !isLogMarker(marker))
    .map((marker) => ({ ...ofMarker(marker), meta: metaOf(marker), group: groupOf(marker.kind) }));
}

function metaOf({ kind, data }: TimelineMarker): string {
  if (kind === "failed_request")
    return [data?.["method"], data?.["status"] === 0 ? "no answer" : data?.["status"]].filter(Boolean).join(" ");
  if (kind === "web_vitals")
    return readVitals(data)
      .map(({ short }) => short)
      .join(" · ");
  return kind === "click" || kind === "navigation" || kind === "page_load" || kind === "error" ? "" : markerName(kind);
}

/** Errors of the page, of its console, and those that SDKs reported. */
export function errorRows(markers: readonly TimelineMarker[]): PanelRow[] {
  return markers
    .filter(({ kind }) => ERRORS.has(kind))
    .map((marker) => ({
      ...ofMarker(marker),
      tone: "error",
      group: marker.kind === "error" ? "thrown" : "console",
      meta: marker.kind === "error" ? "" : "console",
      excerpts: marker.stack ? [{ title: "Stack", text: marker.stack, isValue: false }] : [],
    }));
}

/** Page loads with what was measured of them, and ways inside a page. */
export function pageRows(markers: readonly TimelineMarker[], pages: readonly Page[]): PanelRow[] {
  const vitals = new Map<string, Vital[]>();
  for (const marker of markers) {
    const measured = readVitals(marker.data, marker);
    if (measured.length === 0) continue;
    const known = vitals.get(marker.tab) ?? [];
    vitals.set(marker.tab, [...known.filter((one) => !measured.some(({ name }) => name === one.name)), ...measured]);
  }
  const loads = pages.map((page): PanelRow => {
    const load = markers.find((marker) => marker.kind === "page_load" && marker.tab === page.tab);
    const measured = vitals.get(page.tab) ?? [];
    const worst = measured.find(({ tone }) => tone === "error") ?? measured.find(({ tone }) => tone === "warn");
    const facts: Fact[] = [{ name: "Address", value: load?.name || page.url }];
    if (page.title !== "") facts.push({ name: "Title", value: page.title });
    return {
      ...base({ id: `page:${page.tab}`, at: load?.at ?? page.from, tab: page.tab }, "page_load"),
      text: formatPath(load?.name || page.url) || page.title || "Page",
      meta: measured.map(({ short }) => short).join(" · "),
      tone: worst?.tone ?? (measured.length > 0 ? "good" : "plain"),
      group: "loads",
      facts: [...facts, ...factsOf(load), ...measured.map(({ name, words, tone }) => ({ name, value: words, tone }))],
      markerId: load?.id ?? null,
    };
  });
  const ways = markers
    .filter(({ kind }) => kind === "navigation" || kind === "reload_loop")
    .map((marker): PanelRow => ({
      ...ofMarker(marker),
      group: "ways",
      meta: marker.kind === "reload_loop" ? markerName(marker.kind) : "",
    }));
  return inTime([...loads, ...ways]);
}

/** What the visitor did: clicks, what came of them, what was typed, and what an agent helped him with. */
export function actionRows(markers: readonly TimelineMarker[], entries: readonly BookedEntry[]): PanelRow[] {
  const done = markers
    .filter(({ kind }) => kind === "click" || kind === "assist" || FRICTION.has(kind))
    .map((marker): PanelRow => ({
      ...ofMarker(marker),
      group: marker.kind === "click" ? "clicks" : marker.kind === "assist" ? "help" : "friction",
      meta: marker.kind === "click" ? "" : markerName(marker.kind),
    }));
  return inTime([...done, ...typedRows(entries)]);
}

function typedRows(entries: readonly BookedEntry[]): PanelRow[] {
  const rows: PanelRow[] = [];
  let last: { node: number; tab: string; at: number } | null = null;
  for (const entry of entries) {
    if (entry.kind !== "typed") continue;
    const goesOn = last?.node === entry.node && last.tab === entry.tab && entry.at - last.at < TYPING_MS;
    const row = ofTyped(entry);
    const before = rows.at(-1);
    if (goesOn && before) rows[rows.length - 1] = { ...row, id: before.id, at: before.at };
    else rows.push(row);
    last = entry;
  }
  return rows;
}

function ofTyped(entry: BookedEntry<TypedEntry>): PanelRow {
  const isSwitch = entry.text === "" || entry.text === "on";
  const text = isSwitch ? (entry.isChecked ? "Checked" : "Emptied or unchecked") : `Typed “${entry.text}”`;
  return { ...base(entry, "typed"), text, meta: "Input", group: "inputs" };
}

/** What the page marked itself. */
export function markRows(markers: readonly TimelineMarker[]): PanelRow[] {
  return markers
    .filter((marker) => marker.kind === "custom" && !isLogMarker(marker))
    .map((marker) => ({ ...ofMarker(marker), group: marker.name ?? "" }));
}

function ofMarker(marker: TimelineMarker): PanelRow {
  return {
    ...base(marker, marker.kind),
    tone: toneOf(marker.kind),
    text: markerTitle(marker),
    facts: factsOf(marker),
    markerId: marker.id,
  };
}

const FACT_WORDS: Readonly<Record<string, string>> = { durationMs: "Took", url: "Address", method: "Method", status: "Status" };

function factsOf(marker: TimelineMarker | undefined): Fact[] {
  return Object.entries(marker?.data ?? {}).map(([name, value]) => ({
    name: FACT_WORDS[name] ?? name,
    value: name === "durationMs" && typeof value === "number" ? formatMs(value) : String(value),
  }));
}
