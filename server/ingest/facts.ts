/** What a page says of itself, as facts of its session and tab. Everything is a claim; text was cleaned and cut by the schema. */

import type { TabSummary } from "../../protocol/session.ts";
import type { SessionStart, SessionUpdate } from "../../protocol/tracker-messages.ts";
import type { SessionFacts, TabOpening } from "../store/store.ts";
import type { OpenSession, OpenTab } from "./sessions.ts";

/** The facts of a session that begins with this page. Page times stay as they are; the server's clock serves where there is none. */
export function factsOf(start: SessionStart, now: number): SessionFacts {
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

/** A tab that has just opened, as viewers see it. */
export function tabSummaryOf(opening: TabOpening): TabSummary {
  return { ...opening, lastAt: opening.startedAt, endedAt: null, upto: -1 };
}

/** A page of a known session says what it is: the session shows the page visited last, and keeps the user once it has one. */
export function applyStart(session: OpenSession, start: SessionStart): void {
  const { summary } = session;
  summary.url = start.url;
  summary.title = start.title;
  if (start.userAgent !== "") summary.userAgent = start.userAgent;
  if (start.viewport) summary.viewport = start.viewport;
  if (start.userId !== undefined && start.userId !== null) summary.userId = start.userId;
  if (start.traits) summary.traits = start.traits;
}

/** The page changed without a page load. */
export function applyUpdate(tab: OpenTab, update: SessionUpdate): void {
  const { summary } = tab.session;
  if (update.url !== undefined) summary.url = tab.summary.url = update.url;
  if (update.title !== undefined) summary.title = tab.summary.title = update.title;
  if (update.viewport) summary.viewport = tab.summary.viewport = update.viewport;
  if (update.userId !== undefined) summary.userId = update.userId;
  if (update.traits) summary.traits = update.traits;
}
