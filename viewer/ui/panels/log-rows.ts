/** Rows of the console, the network and the state panel: from the events where the page records them, from markers otherwise. */

import type { BookedEntry } from "../../player/log-book.ts";
import type { ConsoleEntry, ConsoleLevel, RequestEntry, StateEntry } from "../../player/log-entries.ts";
import type { TimelineMarker } from "../../player/timeline.ts";
import { formatBytes, formatPath } from "../format.ts";
import type { Fact, PanelRow, Tone } from "./panel-row.ts";
import { consoleLine, readValue, valueLine } from "./values.ts";

/** A marker and an event of the same thing are written by one call, but not in one millisecond. */
const SAME_MS = 100;
/** An answer that took longer than this is worth a look. */
const SLOW_MS = 1_000;

const LEVEL_TONES: Readonly<Record<ConsoleLevel, Tone>> = {
  error: "error",
  warn: "warn",
  info: "plain",
  log: "plain",
  debug: "quiet",
};

/** A marker of a console call that is no error, or one that Sentry's SDK made of a request that went well. */
export function isLogMarker(marker: TimelineMarker): boolean {
  return marker.kind === "console" || (marker.kind === "custom" && isRequestCrumb(marker));
}

function isRequestCrumb({ name, data }: TimelineMarker): boolean {
  return name === "request" && typeof data?.["method"] === "string" && typeof data["url"] === "string";
}

/** Console calls in order of time; equal ones in a row are one row with a count. */
export function consoleRows(entries: readonly BookedEntry[], markers: readonly TimelineMarker[]): PanelRow[] {
  const calls = entries.filter((entry): entry is BookedEntry<ConsoleEntry> => entry.kind === "console");
  const told = markers.filter(
    (marker) =>
      isConsoleMarker(marker) && !hasNear(calls, marker, (call) => call.tab === marker.tab && call.level === levelOf(marker)),
  );
  return mergeRepeats(inTime([...calls.map(ofCall), ...told.map(ofConsoleMarker)]));
}

function isConsoleMarker(marker: TimelineMarker): boolean {
  return marker.kind === "console_error" || marker.kind === "console";
}

function ofCall(call: BookedEntry<ConsoleEntry>): PanelRow {
  const values = call.values.map((text, index) => ({
    title: call.values.length > 1 ? `Value ${index + 1}` : "Value",
    text,
    isValue: true,
  }));
  const trace = call.trace.length > 0 ? [{ title: "Called from", text: call.trace.join("\n"), isValue: false }] : [];
  return {
    ...base(call, "console"),
    tone: LEVEL_TONES[call.level],
    text: consoleLine(call.values),
    group: call.level,
    excerpts: [...values, ...trace],
  };
}

function ofConsoleMarker(marker: TimelineMarker): PanelRow {
  const level = levelOf(marker);
  const text = marker.text ?? "";
  return {
    ...base(marker, "console"),
    tone: LEVEL_TONES[level],
    text,
    group: level,
    excerpts: [{ title: "Value", text, isValue: false }],
    markerId: marker.id,
  };
}

function levelOf({ kind, name }: TimelineMarker): ConsoleLevel {
  if (kind === "console_error") return "error";
  if (name === "warning") return "warn";
  return name === "info" || name === "debug" || name === "warn" ? name : "log";
}

function mergeRepeats(rows: readonly PanelRow[]): PanelRow[] {
  const merged: PanelRow[] = [];
  for (const row of rows) {
    const last = merged.at(-1);
    if (last?.text === row.text && last.group === row.group && last.tab === row.tab) {
      merged[merged.length - 1] = { ...last, count: last.count + 1, meta: `×${last.count + 1}` };
    } else merged.push(row);
  }
  return merged;
}

/** Requests in order of their sending. */
export function networkRows(entries: readonly BookedEntry[], markers: readonly TimelineMarker[]): PanelRow[] {
  const requests = entries.filter((entry): entry is BookedEntry<RequestEntry> => entry.kind === "request");
  const ends = requests.map((one) => ({ ...one, at: one.at + (one.durationMs ?? 0) })).sort((a, b) => a.at - b.at);
  const told = markers.filter(
    (marker) =>
      marker.kind === "failed_request" &&
      !hasNear(ends, marker, (one) => one.tab === marker.tab && one.status === (marker.data?.["status"] ?? 0)),
  );
  const crumbs = markers.filter((marker) => marker.kind === "custom" && isRequestCrumb(marker));
  return inTime([...requests.map(ofRequest), ...[...told, ...crumbs].map(ofRequestMarker)]);
}

function ofRequest(request: BookedEntry<RequestEntry>): PanelRow {
  const { requestBody, responseBody } = request;
  return {
    ...base(request, "request"),
    ...requestWords(request),
    excerpts: [
      ...(requestBody === null ? [] : [{ title: "Request body", text: requestBody, isValue: true }]),
      ...(responseBody === null ? [] : [{ title: "Response body", text: responseBody, isValue: true }]),
    ],
  };
}

function ofRequestMarker(marker: TimelineMarker): PanelRow {
  const { method, status, url, durationMs, responseBodySize } = marker.data ?? {};
  const duration = typeof durationMs === "number" ? durationMs : null;
  // Our tracker's marker says when the answer came, Sentry's span when it was sent.
  const isOurs = marker.kind === "failed_request" && typeof marker.data?.["method"] === "string" && (marker.text ?? "") === "";
  return {
    ...base(marker, "request"),
    at: isOurs ? marker.at - Math.min(duration ?? 0, 3_600_000) : marker.at,
    ...requestWords({
      method: typeof method === "string" ? method : "",
      url: typeof url === "string" ? url : (marker.name ?? ""),
      status: typeof status === "number" ? status : 0,
      durationMs: duration,
      bytes: typeof responseBodySize === "number" ? responseBodySize : null,
      initiator: "",
    }),
    icon: marker.kind === "failed_request" ? "failed_request" : "request",
    markerId: marker.id,
  };
}

function requestWords(
  request: Pick<RequestEntry, "method" | "url" | "status" | "durationMs" | "bytes" | "initiator">,
): Pick<PanelRow, "icon" | "tone" | "text" | "meta" | "group" | "facts"> {
  const { method, url, status, durationMs, bytes, initiator } = request;
  const isFailed = status === 0 || status >= 400;
  const isSlow = durationMs !== null && durationMs >= SLOW_MS;
  const duration = durationMs === null ? "" : formatMs(durationMs);
  const facts: (Fact | null)[] = [
    { name: "Address", value: url },
    { name: "Method", value: method },
    { name: "Status", value: status === 0 ? "no answer" : String(status), tone: isFailed ? "error" : "plain" },
    duration === "" ? null : { name: "Took", value: duration, tone: isSlow ? "warn" : "plain" },
    bytes === null ? null : { name: "Size", value: formatBytes(bytes) },
    initiator === "" ? null : { name: "Asked by", value: initiator },
  ];
  return {
    icon: isFailed ? "failed_request" : "request",
    tone: isFailed ? "error" : isSlow ? "warn" : "plain",
    text: [method, formatPath(url)].filter(Boolean).join(" "),
    meta: [status === 0 ? "no answer" : String(status), duration].filter(Boolean).join(" · "),
    group: isFailed ? "failed" : isSlow ? "slow" : "fine",
    facts: facts.filter((fact) => fact !== null),
  };
}

/** What the page told of its state and its storage; each row knows the value before. */
export function stateRows(entries: readonly BookedEntry[]): PanelRow[] {
  const before = new Map<string, string>();
  return entries
    .filter((entry): entry is BookedEntry<StateEntry> => entry.kind === "state")
    .map((entry) => {
      const key = `${entry.tab}\n${entry.area}\n${entry.name}`;
      const old = before.get(key);
      before.set(key, entry.value);
      return {
        ...base(entry, "state"),
        text: `${entry.name} = ${valueLine(readValue(entry.value)) || "(nothing)"}`,
        meta: entry.area === "state" ? "" : entry.area,
        group: entry.area === "state" ? "state" : "storage",
        excerpts: [
          { title: "Value", text: entry.value, isValue: true },
          ...(old === undefined ? [] : [{ title: "Before", text: old, isValue: true }]),
        ],
      };
    });
}

/** `48 ms`, `1.2 s`. */
export function formatMs(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}

/** A row without words. */
export function base(of: { id: string; at: number; tab: string }, icon: PanelRow["icon"]): PanelRow {
  const { id, at, tab } = of;
  return { id, at, tab, icon, tone: "plain", text: "", meta: "", count: 1, group: "", facts: [], excerpts: [], markerId: null };
}

/** In order of time, those of one moment as they came. */
export function inTime(rows: readonly PanelRow[]): PanelRow[] {
  return rows.toSorted((a, b) => a.at - b.at);
}

/** True where one of `sorted` is near the marker and fits. */
function hasNear<One extends { at: number }>(
  sorted: readonly One[],
  marker: { at: number },
  fits: (one: One) => boolean,
): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle]?.at ?? Infinity) < marker.at - SAME_MS) low = middle + 1;
    else high = middle;
  }
  for (let one = sorted[low]; one && one.at <= marker.at + SAME_MS; one = sorted[++low]) if (fits(one)) return true;
  return false;
}
