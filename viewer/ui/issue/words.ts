/** Issues and what led to them, as words. */

import type { IssueActivity, IssueStatus, IssueSummary, Priority } from "../../../protocol/issue.ts";
import type { MarkerKind } from "../../../protocol/markers.ts";
import type { Breadcrumb, ChainedException, Frame, Level } from "../../../protocol/occurrence.ts";
import type { IssueSort } from "../../net/api-issues.ts";
import type { TimelineMarker } from "../../player/timeline.ts";
import { formatClock, formatMoment, formatPath, markerTitle } from "../format.ts";

export const STATUS_WORDS: Readonly<Record<IssueStatus, string>> = {
  open: "Open",
  resolved: "Resolved",
  ignored: "Ignored",
  muted: "Muted",
};

export const LEVEL_WORDS: Readonly<Record<Level, string>> = {
  fatal: "Fatal",
  error: "Error",
  warning: "Warning",
  info: "Info",
  debug: "Debug",
};

export const PRIORITY_WORDS: Readonly<Record<Priority, string>> = { low: "Low", medium: "Medium", high: "High" };

export const SORT_WORDS: Readonly<Record<IssueSort, string>> = {
  lastSeen: "Last seen",
  firstSeen: "First seen",
  count: "Occurrences",
  users: "Users",
  sessions: "Sessions",
  priority: "Priority",
};

/** What holds of an issue that is not open, e.g. `until the next release`; empty where there is nothing to add. */
export function statusDetail({
  status,
  resolvedIn,
  mutedUntil,
}: Pick<IssueSummary, "status" | "resolvedIn" | "mutedUntil">): string {
  if (status === "resolved" && resolvedIn !== null) {
    return resolvedIn === "next" ? "in the next release" : `in ${resolvedIn}`;
  }
  if (status !== "muted" || mutedUntil === null) return "";
  const { at, count, users } = mutedUntil;
  const parts = [
    at === null ? "" : formatMoment(at),
    count === null ? "" : `${count.toLocaleString()} occurrences`,
    users === null ? "" : `${users.toLocaleString()} users`,
  ].filter(Boolean);
  return parts.length > 0 ? `until ${parts.join(" or ")}` : "";
}

const ACTIVITY: Readonly<Record<string, string>> = {
  comment: "wrote",
  status: "set the status:",
  assignee: "assigned it:",
  priority: "set the priority:",
  merged: "merged",
  split: "split off",
  regressed: "It came back",
  first_seen: "Seen for the first time",
  promoted: "Hit more than one session",
};

/** Deeds whose text is the release in which they happened. */
const IN_RELEASE: ReadonlySet<string> = new Set(["first_seen", "regressed"]);

/** One thing that was done to an issue, as a sentence without its author. */
export function activityWords({ kind, text }: Pick<IssueActivity, "kind" | "text">): string {
  const deed = ACTIVITY[kind] ?? kind.replaceAll("_", " ");
  if (text === "") return deed.replace(/:$/, "");
  return IN_RELEASE.has(kind) ? `${deed} in ${text}` : `${deed} ${text}`;
}

/** The parts of a key on one line; what is a part of parts is in brackets. */
export function keyText(parts: readonly unknown[]): string {
  const textOf = (part: unknown): string => {
    if (Array.isArray(part)) return `(${keyText(part)})`;
    return typeof part === "string" ? part : JSON.stringify(part);
  };
  return parts.map(textOf).join(" · ");
}

const MECHANISMS: Readonly<Record<string, string>> = { v1: "by what it says", frames1: "by its place in the source" };

/** How a key finds its issue. */
export function mechanismWords(mechanism: string): string {
  return MECHANISMS[mechanism] ?? mechanism;
}

/** One thing that happened before an error, whoever told of it. */
export interface Crumb {
  id: string;
  /** Page time; null where nobody knows. */
  at: number | null;
  kind: MarkerKind;
  text: string;
  /** Smaller, below the text. */
  detail: string;
  level: Level;
}

/** Breadcrumbs of an SDK, moved by the difference of its clock and the page's. */
export function crumbsOf(breadcrumbs: readonly Breadcrumb[], shiftMs: number): Crumb[] {
  return breadcrumbs.map((crumb, index) => ({
    id: `b${index}`,
    at: crumb.at === null ? null : crumb.at + shiftMs,
    kind: kindOf(crumb),
    text: crumbText(crumb),
    detail: crumb.category || crumb.type,
    level: crumb.level,
  }));
}

/** Markers of the session as breadcrumbs, but for the error itself. */
export function crumbsOfMarkers(markers: readonly TimelineMarker[], errorId: string): Crumb[] {
  return markers
    .filter((marker) => marker.errorId !== errorId)
    .map((marker) => ({
      id: marker.id,
      at: marker.at,
      kind: marker.kind,
      text: markerTitle(marker),
      detail: requestDetail(marker.data ?? {}),
      level: marker.kind === "error" || marker.kind === "console_error" ? "error" : "info",
    }));
}

/** Both in time order; those without a time stay where they are, at the beginning. */
export function mergeCrumbs(some: readonly Crumb[], others: readonly Crumb[]): Crumb[] {
  return [...some, ...others].sort((a, b) => (a.at ?? -Infinity) - (b.at ?? -Infinity) || 0);
}

function kindOf({ category, type, level }: Breadcrumb): MarkerKind {
  const isBad = level === "error" || level === "fatal";
  const name = `${category} ${type}`;
  if (/\bnavigation\b/.test(name)) return "navigation";
  if (/page_load/.test(name)) return "page_load";
  if (/rage/.test(name)) return "rage_click";
  if (/click|^ui\./.test(name)) return "click";
  if (/fetch|xhr|http|request/.test(name)) return "failed_request";
  if (/exception|^error\b/.test(name)) return "error";
  if (/console/.test(name)) return isBad ? "console_error" : "console";
  return isBad ? "error" : "custom";
}

function crumbText({ category, message, data }: Breadcrumb): string {
  const { from, to, url, method, status_code: status, status: other } = data;
  if (/navigation/.test(category) && typeof to === "string") {
    return typeof from === "string" && from !== "" ? `${formatPath(from)} → ${formatPath(to)}` : formatPath(to);
  }
  if (typeof url === "string" && url !== "") {
    const line = [method, formatPath(url), status ?? other].filter((part) => part !== undefined && part !== null && part !== "");
    // Our tracker's requests say their address once more, as far as it fits.
    return [line.join(" "), url.startsWith(message) ? "" : message].filter(Boolean).join(": ");
  }
  // Where our tracker's visitor went: the host is the same everywhere.
  if (isOfPage(category)) return message.replace(/^https?:\/\/\S+/, formatPath);
  return message || category || "Something happened";
}

function isOfPage(category: string): boolean {
  return category === "navigation" || category === "page_load";
}

function requestDetail({ method, status }: Readonly<Record<string, unknown>>): string {
  return [method, status].filter((part) => typeof part === "string" || typeof part === "number").join(" ");
}

/** A moment on the clip's clock: `0:07`, and `−0:12` before its first moment. */
export function clipClock(ms: number): string {
  return ms < 0 ? `−${formatClock(-ms + 999)}` : formatClock(ms);
}

/** Place of a frame: file, line and column, as stacks have it. */
export function framePlace({ file, line, column }: Pick<Frame, "file" | "line" | "column">): string {
  const where = [file || "unknown file", line, column].filter((part) => part !== null);
  return where.join(":");
}

/** A stack as text, innermost frame first, to be copied. */
export function stackText(exceptions: readonly ChainedException[]): string {
  return exceptions
    .map(({ type, value, frames }, index) => {
      const head = `${index > 0 ? "Caused by: " : ""}${type}${value ? `: ${value}` : ""}`;
      return [head, ...frames.map((frame) => `    at ${frame.function || "<anonymous>"} (${framePlace(frame)})`)].join("\n");
    })
    .join("\n");
}
