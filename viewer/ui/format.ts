/** Numbers, times and people as words. */

import type { MarkerKind } from "../../protocol/markers.ts";
import type { SessionSummary } from "../../protocol/session.ts";

/** `0:07`, `12:05`, `1:02:05`. */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const pad = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`;
}

/** `48 s`, `12 min`, `1 h 5 min`, `2 d`. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${Math.max(0, seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes < 10 && seconds % 60 > 0 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 > 0 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} d`;
}

/** `just now`, `5 min ago`, `3 h ago`, then the date. */
export function formatAgo(at: number, now: number): string {
  const minutes = Math.floor((now - at) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ago`;
  return new Date(at).toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
}

let moments: Intl.DateTimeFormat | undefined;

/** Date and time in the reader's own form. */
export function formatMoment(at: number): string {
  // To make one takes some milliseconds.
  moments ??= new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  return moments.format(at);
}

/** `812 B`, `4.2 KB`, `17 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KB", "MB", "GB", "TB"];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit] ?? ""}`;
}

/** `1 error`, `1,204 events`. */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

/** An address without what everybody knows of it: no scheme, no trailing slash. */
export function formatUrl(url: string): string {
  return url.replace(/^https?:\/\//, "").replace(/\/$/, "");
}

/** The path of an address, for lists where the host is the same everywhere. */
export function formatPath(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  return parsed ? `${parsed.pathname}${parsed.search}${parsed.hash}` : url;
}

/** An address of a machine, IPv6 in its short form. */
export function formatPeer(peer: string): string {
  const url = peer.includes(":") ? `http://[${peer}]/` : "";
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : peer;
}

/** The address itself if it may be a link (http and https only), or null. */
export function toSafeHref(url: string): string | null {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  return parsed && (parsed.protocol === "http:" || parsed.protocol === "https:") ? parsed.href : null;
}

/** Who is visiting: the user id, or a name made from the session id that stays the same. */
export function visitorName(session: Pick<SessionSummary, "userId" | "sessionId">): string {
  return session.userId ?? `Visitor ${session.sessionId.replaceAll("-", "").slice(-6)}`;
}

const MARKER_NAMES: Record<MarkerKind, string> = {
  error: "Error",
  console_error: "Console error",
  console: "Console",
  failed_request: "Failed request",
  click: "Click",
  rage_click: "Rage click",
  dead_click: "Dead click",
  error_click: "Error click",
  thrash: "Shaken pointer",
  form_abandoned: "Form left",
  reload_loop: "Reload loop",
  navigation: "Navigation",
  page_load: "Page load",
  web_vitals: "Web vitals",
  assist: "Help",
  custom: "Mark",
};

/** What a kind of marker is called. */
export function markerName(kind: MarkerKind): string {
  return MARKER_NAMES[kind];
}

/** One line for a marker: what it says, or failing that what it is. Of a console call the name is its level, which is said elsewhere. */
export function markerTitle(marker: { kind: MarkerKind; name?: string | undefined; text?: string | undefined }): string {
  const name = marker.name ?? "";
  const text = marker.text ?? "";
  switch (marker.kind) {
    case "navigation":
    case "page_load":
    case "reload_loop":
    case "web_vitals":
      return formatPath(name) || text || markerName(marker.kind);
    case "error":
      return text && name ? `${name}: ${text}` : text || name || markerName(marker.kind);
    case "click":
    case "rage_click":
    case "dead_click":
    case "error_click":
    case "thrash":
    case "form_abandoned":
    case "assist":
    case "console_error":
    case "console":
      return text || name || markerName(marker.kind);
    case "failed_request":
      return formatPath(name) || text || markerName(marker.kind);
    case "custom":
      return [name, text].filter(Boolean).join(" ") || markerName(marker.kind);
    default:
      return marker.kind satisfies never;
  }
}
