/** What a page says of itself, as facts of its session and tab. Everything is a claim; text was cleaned and cut by the schema. */

import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import type { SessionStart, SessionUpdate } from "../../protocol/tracker-messages.ts";
import type { SessionFacts, TabOpening } from "../store/store.ts";
import { shareText, shareTraits, shareViewport } from "./shared-values.ts";
import type { Place } from "./ingest.ts";
import type { OpenSession, OpenTab } from "./sessions.ts";

/** Most people of one session between two writes of it; what goes on faster is no visit. */
const MAX_FORMER_USERS = 1_000;

/** The facts of a session that begins with this page. Page times stay as they are; the server's clock serves where there is none. */
export function factsOf(start: SessionStart, now: number, place: Place | null = null): SessionFacts {
  return {
    userId: start.userId ?? null,
    traits: start.traits ?? {},
    url: start.url,
    title: start.title,
    userAgent: start.userAgent,
    viewport: start.viewport ?? null,
    referrer: start.referrer ?? "",
    timeZone: start.timeZone ?? "",
    language: start.language ?? "",
    release: start.release ?? "",
    environment: start.environment ?? "",
    startedAt: start.startTime ?? now,
    country: place?.country ?? "",
    region: place?.region ?? "",
  };
}

/** What the store needs to open the tab of this page. */
export function tabOpeningOf(start: SessionStart, tab: string, now: number): TabOpening {
  return {
    tab,
    tabGroup: start.tabGroup ?? tab,
    url: start.url,
    title: start.title,
    viewport: start.viewport ?? null,
    startedAt: start.startTime ?? now,
  };
}

/*
 * The copies below name every field: objects made by spreading get a hidden class each, which costs more memory than their values
 * (measured: 1,500 bytes for each session).
 */

/** The summary of a tab that was opened just now. */
export function tabSummaryOf(opening: TabOpening): TabSummary {
  return copyTab({ ...opening, lastAt: opening.startedAt, endedAt: null, upto: -1 });
}

/** A copy in the shape that all summaries of tabs share. */
export function copyTab(tab: TabSummary): TabSummary {
  return {
    tab: tab.tab,
    tabGroup: tab.tabGroup === tab.tab ? tab.tab : tab.tabGroup,
    url: tab.url,
    title: tab.title,
    viewport: shareViewport(tab.viewport),
    startedAt: tab.startedAt,
    lastAt: tab.lastAt,
    endedAt: tab.endedAt,
    upto: tab.upto,
  };
}

/** A copy in the shape that all summaries of sessions share. */
export function copySession(session: SessionSummary): SessionSummary {
  return {
    sessionId: session.sessionId,
    projectId: session.projectId,
    status: session.status,
    live: session.live,
    userId: session.userId,
    traits: shareTraits(session.traits),
    url: session.url,
    title: session.title,
    userAgent: shareText(session.userAgent),
    viewport: shareViewport(session.viewport),
    referrer: shareText(session.referrer),
    timeZone: shareText(session.timeZone),
    language: shareText(session.language),
    release: shareText(session.release),
    environment: shareText(session.environment),
    startedAt: session.startedAt,
    lastAt: session.lastAt,
    endedAt: session.endedAt,
    durationMs: session.durationMs,
    eventCount: session.eventCount,
    batchCount: session.batchCount,
    byteCount: session.byteCount,
    errorCount: session.errorCount,
    tabCount: session.tabCount,
    watchers: session.watchers,
  };
}

/** A page of a known session says what it is: the session shows the page visited last, and keeps the user once it has one. */
export function applyStart(session: OpenSession, start: SessionStart): void {
  const { summary } = session;
  summary.url = start.url;
  summary.title = start.title;
  if (start.userAgent !== "") summary.userAgent = shareText(start.userAgent);
  if (start.viewport) summary.viewport = shareViewport(start.viewport);
  if (start.userId !== undefined && start.userId !== null) setUser(session, start.userId);
  if (start.traits) summary.traits = shareTraits(start.traits);
}

/** The page changed without a page load. */
export function applyUpdate(tab: OpenTab, update: SessionUpdate): void {
  const { summary } = tab.session;
  if (update.url !== undefined) summary.url = tab.summary.url = update.url;
  if (update.title !== undefined) summary.title = tab.summary.title = update.title;
  if (update.viewport) summary.viewport = tab.summary.viewport = update.viewport;
  if (update.userId !== undefined) setUser(tab.session, update.userId);
  if (update.traits) summary.traits = update.traits;
}

/** Somebody signed in, out, or as somebody else. Whom the session showed before is kept with it, so that he can be erased. */
function setUser(session: OpenSession, userId: string | null): void {
  const { summary, formerUserIds } = session;
  const before = summary.userId;
  summary.userId = userId;
  if (before === null || before === userId || formerUserIds.length >= MAX_FORMER_USERS || formerUserIds.includes(before)) return;
  session.formerUserIds = formerUserIds.concat(before);
}
