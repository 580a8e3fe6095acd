/** The filters of the list, and whether a session that changed just now passes them (the server does it for the stored ones). */

import type { SessionSummary } from "../../protocol/session.ts";
import { readConditions, type Condition } from "./session-conditions.ts";

/** Orders of the list, as its address says them, and as people do. */
export const SORTS = {
  started: "Newest first",
  active: "Longest active",
  duration: "Longest",
  errors: "Most errors",
  rage: "Most rage clicks",
  clicks: "Most clicks",
  pages: "Most pages",
} as const;
export type SessionSort = keyof typeof SORTS;
export const SORT_NAMES = Object.keys(SORTS).flatMap((name) => (isSort(name) ? [name] : []));

export interface SessionFilter {
  q: string;
  status: "" | "live" | "ended";
  hasErrors: boolean;
  pinned: boolean;
  /** Everything else that it is narrowed by. */
  conditions: readonly Condition[];
  sort: SessionSort;
}

export const NO_FILTER: SessionFilter = { q: "", status: "", hasErrors: false, pinned: false, conditions: [], sort: "started" };

/** True where a filter leaves anything out. */
export function isFiltering(filter: SessionFilter): boolean {
  return filter.q.trim() !== "" || filter.status !== "" || filter.hasErrors || filter.pinned || filter.conditions.length > 0;
}

/** The same answer as the server's, but for upper and lower case, and for conditions that only the server can tell. */
export function passes(session: SessionSummary, filter: SessionFilter): boolean {
  const has = (text: string | null, part: string): boolean => (text ?? "").toLowerCase().includes(part.trim().toLowerCase());
  const inAny = [session.url, session.title, session.userId, session.sessionId].some((text) => has(text, filter.q));
  return (
    inAny &&
    filter.conditions.every(
      ({ name, value }) => (name !== "user" || session.userId === value) && (name !== "url" || has(session.url, value)),
    ) &&
    (!filter.hasErrors || session.errorCount > 0) &&
    (!filter.pinned || isPinned(session)) &&
    (filter.status === "" || (filter.status === "live" ? session.live : session.status === "ended"))
  );
}

/** True where only the server can tell whether a session passes. */
export function isForServer(filter: SessionFilter): boolean {
  return filter.conditions.some(({ name }) => name !== "user" && name !== "url");
}

/** True of a session that is kept until it is unpinned. */
export function isPinned(session: SessionSummary): boolean {
  return (session.pinnedAt ?? null) !== null;
}

/** What is newer, with the pin and the facts of what was read where the newer says nothing of them: the live edge knows neither. */
export function withPinOf(session: SessionSummary, before: SessionSummary | null | undefined): SessionSummary {
  const pinnedAt = session.pinnedAt === undefined ? before?.pinnedAt : undefined;
  const facts = session.facts === undefined ? before?.facts : undefined;
  if (pinnedAt === undefined && facts === undefined) return session;
  return { ...session, ...(pinnedAt !== undefined && { pinnedAt }), ...(facts && { facts }) };
}

/** Stored sessions and those that the socket told of, which is newer: those that pass, newest first, or in the server's order. */
export function mergeSessions(
  stored: readonly SessionSummary[],
  told: readonly SessionSummary[],
  filter: SessionFilter,
): SessionSummary[] {
  const sessions = new Map(stored.map((session) => [session.sessionId, session]));
  const isOnlyStored = filter.sort !== "started" || isForServer(filter);
  for (const session of told) {
    const before = sessions.get(session.sessionId);
    if (before || !isOnlyStored) sessions.set(session.sessionId, withPinOf(session, before));
  }
  const passing = [...sessions.values()].filter((session) => passes(session, filter));
  if (filter.sort !== "started") return passing;
  return passing.sort((a, b) => b.startedAt - a.startedAt || (a.sessionId < b.sessionId ? 1 : -1));
}

/** The filters in an address, and back. */
export function readFilter(query: URLSearchParams): SessionFilter {
  const status = query.get("status");
  const sort = query.get("sort") ?? "";
  return {
    q: query.get("q") ?? "",
    status: status === "live" || status === "ended" ? status : "",
    hasErrors: query.get("hasErrors") === "true",
    pinned: query.get("pinned") === "true",
    conditions: readConditions(query),
    sort: isSort(sort) ? sort : "started",
  };
}

/** The same as a query string, as the server takes it. */
export function filterQuery(filter: SessionFilter): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of ["q", "status"] as const) if (filter[name].trim()) query.set(name, filter[name].trim());
  for (const name of ["hasErrors", "pinned"] as const) if (filter[name]) query.set(name, "true");
  for (const { name, value } of filter.conditions) query.append(name, value);
  if (filter.sort !== "started") query.set("sort", filter.sort);
  return query;
}

/** The path of the list with these filters. */
export function writeFilter(filter: SessionFilter): string {
  const text = filterQuery(filter).toString();
  return text ? `/?${text}` : "/";
}

function isSort(text: string): text is SessionSort {
  return Object.hasOwn(SORTS, text);
}
