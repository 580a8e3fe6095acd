/** A timeline for looking at now: a live view that stays open for hours must not remember hours. */

import type { MarkerKind } from "../../../protocol/markers.ts";
import type { TabSummary } from "../../../protocol/session.ts";
import { Timeline, type Page, type TimelineMarker } from "../../player/timeline.ts";

/** More than this, and it is time to forget. */
const MOST_MARKERS = 200;
const MOST_PAGES = 24;
const MOST_CHECKOUTS = 40;

/** True where a timeline holds much more than the present. */
export function isHeavy(timeline: Timeline): boolean {
  const { pages } = timeline;
  return (
    timeline.markers.length > MOST_MARKERS ||
    pages.length > MOST_PAGES ||
    pages.reduce((sum, { tab }) => sum + timeline.checkouts(tab).length, 0) > MOST_CHECKOUTS
  );
}

/** A new timeline with the open pages and `keep`, their newest checkouts, and the newest marker of each kind. */
export function slimTimeline(old: Timeline, keep: string | null): Timeline {
  const slim = new Timeline();
  const kept = old.pages.filter((page) => !page.ended || page.tab === keep);
  slim.setTabs(kept.map(toSummary));
  for (const { tab } of kept) slim.addCheckouts(old.checkouts(tab).slice(-1));
  const newest = new Map<MarkerKind, TimelineMarker>();
  for (const marker of old.markers) newest.set(marker.kind, marker);
  slim.addStored([...newest.values()].filter(({ tab }) => slim.page(tab) !== null));
  return slim;
}

/** Of a session's pages those that matter now: the open ones (the last where none is), and those that the timeline has already. */
export function presentTabs(tabs: readonly TabSummary[], timeline: Timeline): readonly TabSummary[] {
  const wanted = new Set([...openTabs(tabs), ...tabs.filter(({ tab }) => timeline.page(tab) !== null)]);
  return [...wanted];
}

/** The browser tabs that are open. */
export function openGroups(tabs: readonly TabSummary[]): ReadonlySet<string> {
  return new Set(tabs.filter(({ endedAt }) => endedAt === null).map(({ tab, tabGroup }) => tabGroup || tab));
}

function openTabs(tabs: readonly TabSummary[]): readonly TabSummary[] {
  const open = tabs.filter((tab) => tab.endedAt === null).slice(-MOST_PAGES);
  if (open.length > 0) return open;
  const last = tabs.reduce<TabSummary | null>((latest, tab) => (latest && latest.lastAt >= tab.lastAt ? latest : tab), null);
  return last ? [last] : [];
}

function toSummary(page: Page): TabSummary {
  const { tab, group, url, title, from, to, upto, ended } = page;
  return { tab, tabGroup: group, url, title, viewport: null, startedAt: from, lastAt: to, endedAt: ended ? to : null, upto };
}
