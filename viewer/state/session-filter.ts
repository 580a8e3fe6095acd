/** The filters of the list, and whether a session that changed just now passes them (the server does it for the stored ones). */

import type { SessionSummary } from "../../protocol/session.ts";

export interface SessionFilter {
  q: string;
  user: string;
  url: string;
  status: "" | "live" | "ended";
  hasErrors: boolean;
  pinned: boolean;
}

export const NO_FILTER: SessionFilter = { q: "", user: "", url: "", status: "", hasErrors: false, pinned: false };

/** True where a filter leaves anything out. */
export function isFiltering(filter: SessionFilter): boolean {
  return (
    filter.q.trim() !== "" ||
    filter.user.trim() !== "" ||
    filter.url.trim() !== "" ||
    filter.status !== "" ||
    filter.hasErrors ||
    filter.pinned
  );
}

/** The same answer as the server's, but for upper and lower case. */
export function passes(session: SessionSummary, filter: SessionFilter): boolean {
  const has = (text: string | null, part: string): boolean => (text ?? "").toLowerCase().includes(part.trim().toLowerCase());
  const inAny = [session.url, session.title, session.userId, session.sessionId].some((text) => has(text, filter.q));
  return (
    inAny &&
    (filter.user.trim() === "" || session.userId === filter.user.trim()) &&
    has(session.url, filter.url) &&
    (!filter.hasErrors || session.errorCount > 0) &&
    (!filter.pinned || isPinned(session)) &&
    (filter.status === "" || (filter.status === "live" ? session.live : session.status === "ended"))
  );
}

/** True of a session that is kept until it is unpinned. */
export function isPinned(session: SessionSummary): boolean {
  return (session.pinnedAt ?? null) !== null;
}

/** What is newer, with the pin of what was read where the newer says nothing of it: the live edge knows no pins. */
export function withPinOf(session: SessionSummary, before: SessionSummary | null | undefined): SessionSummary {
  const pinnedAt = session.pinnedAt === undefined ? before?.pinnedAt : undefined;
  return pinnedAt === undefined ? session : { ...session, pinnedAt };
}

/** Stored sessions and those that the socket told of, which is newer: those that pass, newest first. */
export function mergeSessions(
  stored: readonly SessionSummary[],
  told: readonly SessionSummary[],
  filter: SessionFilter,
): SessionSummary[] {
  const sessions = new Map(stored.map((session) => [session.sessionId, session]));
  for (const session of told) sessions.set(session.sessionId, withPinOf(session, sessions.get(session.sessionId)));
  return [...sessions.values()]
    .filter((session) => passes(session, filter))
    .sort((a, b) => b.startedAt - a.startedAt || (a.sessionId < b.sessionId ? 1 : -1));
}

/** The filters in an address, and back. */
export function readFilter(query: URLSearchParams): SessionFilter {
  const status = query.get("status");
  return {
    q: query.get("q") ?? "",
    user: query.get("user") ?? "",
    url: query.get("url") ?? "",
    status: status === "live" || status === "ended" ? status : "",
    hasErrors: query.get("hasErrors") === "true",
    pinned: query.get("pinned") === "true",
  };
}

/** The path of the list with these filters. */
export function writeFilter(filter: SessionFilter): string {
  const query = new URLSearchParams();
  for (const name of ["q", "user", "url", "status"] as const) if (filter[name].trim()) query.set(name, filter[name].trim());
  for (const name of ["hasErrors", "pinned"] as const) if (filter[name]) query.set(name, "true");
  const text = query.toString();
  return text ? `/?${text}` : "/";
}
