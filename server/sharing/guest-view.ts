/** A session as a guest is told of it: what his link does not show is not there. Pure. */

import type { MarkerKind } from "../../protocol/markers.ts";
import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import { type EventCut, plainAddress } from "../privacy/privacy.ts";
import type { SessionDescription } from "../replay/replay.ts";
import type { Guest } from "./guests.ts";

/** Markers that tell which page a tab shows from then on: `name` is its address, `text` its title. */
const PAGE_KINDS: ReadonlySet<MarkerKind> = new Set(["page_load", "navigation"]);

/** What of a session a guest may see. */
export type Sight = Pick<Guest, "fromAt" | "toAt" | "showsPanels">;

/** The same for the events of a batch. */
export function cutOf({ fromAt, toAt, showsPanels }: Sight): EventCut {
  return { fromAt, toAt, showsPanels };
}

/** True for a link to a range: it shows what was, and nothing of what goes on. */
export function isRange(sight: Sight): boolean {
  return sight.fromAt !== null || sight.toAt !== null;
}

/** The times of a sight, without nulls. */
export function boundsOf({ fromAt, toAt }: Sight): { from: number; to: number } {
  return { from: fromAt ?? -Infinity, to: toAt ?? Infinity };
}

/**
 * The facts of a session. Who the visitor is, what he has, and where he came from are left out, whatever is shown; addresses lose their query
 * and counts their numbers where the panels are not shown.
 */
export function sightOfSession(session: SessionSummary, sight: Sight): SessionSummary {
  const { from, to } = boundsOf(sight);
  const ranged = isRange(sight);
  const startedAt = Math.max(session.startedAt, from);
  const lastAt = Math.max(startedAt, Math.min(session.lastAt, to));
  return {
    sessionId: session.sessionId,
    projectId: 0,
    status: ranged ? "ended" : session.status,
    live: !ranged && session.live,
    userId: null,
    traits: {},
    url: ranged ? "" : addressOf(session.url, sight),
    title: ranged ? "" : session.title,
    userAgent: "",
    viewport: session.viewport,
    referrer: "",
    timeZone: "",
    language: "",
    release: "",
    environment: "",
    startedAt,
    lastAt,
    endedAt: ranged ? lastAt : session.endedAt,
    durationMs: Math.round(lastAt - startedAt),
    eventCount: 0,
    batchCount: 0,
    byteCount: ranged ? 0 : session.byteCount,
    errorCount: sight.showsPanels && !ranged ? session.errorCount : 0,
    tabCount: ranged ? 0 : session.tabCount,
    watchers: 0,
  };
}

/** The tabs that were there in the range: of others nothing is shown, not even by their id. */
export function shownTabs(tabs: readonly TabSummary[], sight: Sight): TabSummary[] {
  const { from, to } = boundsOf(sight);
  return tabs.filter((tab) => tab.startedAt <= to && tab.lastAt >= from);
}

/**
 * The same, shortened to the range.
 * @param uptoAt newest seq in the range, by tab
 * @param markers of the session in their order: they know where a tab was before it went on
 */
export function sightOfTabs(
  tabs: readonly TabSummary[],
  sight: Sight,
  uptoAt: ReadonlyMap<string, number> | null = null,
  markers: SessionDescription["markers"] = [],
): TabSummary[] {
  const { from, to } = boundsOf(sight);
  return shownTabs(tabs, sight).map((tab) => {
    const startedAt = Math.max(tab.startedAt, from);
    const isOver = to !== Infinity;
    const lastAt = Math.max(startedAt, Math.min(tab.lastAt, to));
    const { url, title } = isOver ? pageAt(tab, to, markers) : tab;
    return {
      ...tab,
      url: addressOf(url, sight),
      title,
      startedAt,
      lastAt,
      endedAt: isOver ? lastAt : tab.endedAt,
      upto: isOver ? (uptoAt?.get(tab.tab) ?? -1) : tab.upto,
    };
  });
}

/** Address and title of a tab as they were at page time `to`; a tab is told of by what it shows now, which may be long after that. */
function pageAt(tab: TabSummary, to: number, markers: SessionDescription["markers"]): { url: string; title: string } {
  if (tab.lastAt <= to) return tab;
  const page = markers.findLast((marker) => marker.tab === tab.tab && marker.at <= to && PAGE_KINDS.has(marker.kind));
  return { url: page?.name ?? "", title: page?.text ?? "" };
}

/** The whole description. */
export function sightOfDescription(
  description: SessionDescription,
  sight: Sight,
  uptoAt: ReadonlyMap<string, number> | null,
): SessionDescription {
  const { from, to } = boundsOf(sight);
  const tabs = sightOfTabs(description.tabs, sight, uptoAt, description.markers);
  const shown = new Set(tabs.map(({ tab }) => tab));
  const groupOf = new Map(tabs.map(({ tab, tabGroup }) => [tab, tabGroup]));
  const isInside = (at: number) => at >= from && at <= to;
  /** By group, the newest checkout at or before the beginning: playback starts there. */
  const first = new Map<string, number>();
  for (const { tab, at } of description.checkouts) {
    const group = groupOf.get(tab);
    if (group !== undefined && at <= from) first.set(group, Math.max(first.get(group) ?? -Infinity, at));
  }
  return {
    session: { ...sightOfSession(description.session, sight), ...(isRange(sight) ? { tabCount: tabs.length } : {}) },
    tabs,
    markers: sight.showsPanels
      ? description.markers
          .filter(({ tab, at }) => (shown.has(tab) || tab === "") && isInside(at))
          .map((marker) => ({ ...marker, errorId: null }))
      : [],
    gaps: description.gaps
      .filter((gap) => shown.has(gap.tab) && gap.toAt >= from && gap.fromAt <= to)
      .map((gap) => ({ ...gap, fromAt: Math.max(gap.fromAt, from), toAt: Math.min(gap.toAt, to) })),
    checkouts: description.checkouts.filter(
      ({ tab, at }) => shown.has(tab) && at <= to && (at >= from || at === first.get(groupOf.get(tab) ?? "")),
    ),
  };
}

function addressOf(url: string, { showsPanels }: Sight): string {
  return showsPanels ? url : plainAddress(url);
}
