/**
 * One session on one axis of page time: its pages (tabs) in their groups, what is worth jumping to, what is missing, and where playback
 * can start. Knows nothing of rrweb, of the network or of the screen.
 */

import type { Marker, MarkerKind } from "../../protocol/markers.ts";
import type { TabSummary } from "../../protocol/session.ts";

/** One page context; several in a row make up a browser tab (`group`). */
export interface Page {
  tab: string;
  group: string;
  url: string;
  title: string;
  from: number;
  to: number;
  /** Newest seq known of it. */
  upto: number;
  ended: boolean;
}

/** A marker, and the tab it belongs to. */
export interface TimelineMarker extends Marker {
  /** The same for the same marker, whether it came from history or live. */
  id: string;
  tab: string;
  /** Id of the occurrence, for errors that history told of. */
  errorId: string | null;
}

/** Batches that are missing for ever; times are page time. */
export interface TimelineGap {
  tab: string;
  fromSeq: number;
  toSeq: number;
  fromAt: number;
  toAt: number;
}

/** Where playback of a tab can start. */
export interface Checkout {
  tab: string;
  seq: number;
  at: number;
}

/** Pages of one browser tab, oldest first. */
export interface PageGroup {
  group: string;
  pages: readonly Page[];
}

/** Kinds that tell which browser tab the visitor was in. */
const VISITOR_KINDS: ReadonlySet<string> = new Set<MarkerKind>([
  "click",
  "rage_click",
  "dead_click",
  "error_click",
  "navigation",
  "page_load",
]);

/** True for the kind of a marker that tells which browser tab the visitor was in. */
export function isVisitorKind(kind: string): boolean {
  return VISITOR_KINDS.has(kind);
}

export class Timeline {
  private readonly pageOf = new Map<string, Page>();
  private readonly markerIds = new Map<string, TimelineMarker>();
  private readonly checkoutsOf = new Map<string, Checkout[]>();
  private markerList: TimelineMarker[] = [];
  private gapList: TimelineGap[] = [];
  /** Rises with every change, so that a screen knows when to look again. */
  version = 0;

  /** Takes what the server says of the tabs; what batches have told already is never shortened. */
  setTabs(tabs: readonly TabSummary[]): void {
    for (const tab of tabs) {
      const known = this.pageOf.get(tab.tab);
      this.pageOf.set(tab.tab, {
        tab: tab.tab,
        group: tab.tabGroup || tab.tab,
        url: tab.url || (known?.url ?? ""),
        title: tab.title || (known?.title ?? ""),
        from: Math.min(tab.startedAt, known?.from ?? Infinity),
        to: Math.max(tab.lastAt, tab.startedAt, known?.to ?? 0),
        upto: Math.max(tab.upto, known?.upto ?? -1),
        ended: tab.endedAt !== null,
      });
    }
    this.version++;
  }

  /** Takes the facts of a batch's header. */
  noteBatch(batch: {
    tab: string;
    seq: number;
    firstAt: number;
    lastAt: number;
    checkout: boolean;
    markers: readonly Marker[];
  }): void {
    const page = this.pageOf.get(batch.tab);
    if (page) {
      page.to = Math.max(page.to, batch.lastAt);
      page.upto = Math.max(page.upto, batch.seq);
    }
    if (batch.checkout) this.addCheckouts([{ tab: batch.tab, seq: batch.seq, at: batch.firstAt }]);
    this.addMarkers(batch.tab, batch.markers);
    this.version++;
  }

  addMarkers(tab: string, markers: readonly (Marker & { errorId?: string | null })[]): void {
    const fresh: TimelineMarker[] = [];
    for (const marker of markers) {
      const id = JSON.stringify([tab, marker.kind, marker.at, marker.name ?? "", marker.text ?? ""]);
      const known = this.markerIds.get(id);
      if (known) {
        // What came live is told once more by history, which knows the occurrence.
        if (known.errorId === null && typeof marker.errorId === "string") known.errorId = marker.errorId;
        continue;
      }
      const added = { ...marker, id, tab, errorId: marker.errorId ?? null };
      this.markerIds.set(id, added);
      fresh.push(added);
    }
    if (fresh.length === 0) return;
    this.markerList = [...this.markerList, ...fresh].sort((a, b) => a.at - b.at);
    this.version++;
  }

  /** Takes markers of several tabs at once. */
  addStored(markers: readonly (Marker & { tab: string; errorId?: string | null })[]): void {
    const ofTab = new Map<string, (Marker & { tab: string; errorId?: string | null })[]>();
    for (const marker of markers) {
      const list = ofTab.get(marker.tab);
      if (list) list.push(marker);
      else ofTab.set(marker.tab, [marker]);
    }
    for (const [tab, own] of ofTab) this.addMarkers(tab, own);
  }

  addCheckouts(checkouts: readonly Checkout[]): void {
    for (const checkout of checkouts) {
      let list = this.checkoutsOf.get(checkout.tab);
      if (!list) this.checkoutsOf.set(checkout.tab, (list = []));
      const before = list.findLastIndex((known) => known.seq <= checkout.seq);
      if (list[before]?.seq !== checkout.seq) list.splice(before + 1, 0, checkout);
    }
    this.version++;
  }

  /** A gap without times gets those of its neighbours as far as they are known. */
  addGap(gap: Pick<TimelineGap, "tab" | "fromSeq" | "toSeq"> & Partial<TimelineGap>): void {
    if (this.gapList.some((known) => known.tab === gap.tab && known.fromSeq === gap.fromSeq)) return;
    const page = this.pageOf.get(gap.tab);
    const fromAt = gap.fromAt ?? page?.to ?? 0;
    const toAt = Math.max(fromAt, gap.toAt ?? page?.to ?? 0);
    this.gapList = [...this.gapList, { tab: gap.tab, fromSeq: gap.fromSeq, toSeq: gap.toSeq, fromAt, toAt }].sort(
      (a, b) => a.fromAt - b.fromAt,
    );
    this.version++;
  }

  get markers(): readonly TimelineMarker[] {
    return this.markerList;
  }

  get gaps(): readonly TimelineGap[] {
    return this.gapList;
  }

  /** Pages, oldest first. */
  get pages(): readonly Page[] {
    return [...this.pageOf.values()].sort((a, b) => a.from - b.from || a.tab.localeCompare(b.tab));
  }

  /** Browser tabs, in the order in which they were opened. */
  get groups(): readonly PageGroup[] {
    const groups = new Map<string, Page[]>();
    for (const page of this.pages) {
      const pages = groups.get(page.group);
      if (pages) pages.push(page);
      else groups.set(page.group, [page]);
    }
    return [...groups].map(([group, pages]) => ({ group, pages }));
  }

  /** Page time of the first and the newest moment. */
  get from(): number {
    return this.pages[0]?.from ?? 0;
  }

  get to(): number {
    return this.pages.reduce((latest, page) => Math.max(latest, page.to), 0);
  }

  page(tab: string): Page | null {
    return this.pageOf.get(tab) ?? null;
  }

  /** The page of a group that is shown at `at`: the last one that has begun, or else the first. Pages that cannot be played are passed over. */
  pageAt(group: string, at: number): Page | null {
    const pages = this.pages.filter((page) => page.group === group && this.checkoutsOf.has(page.tab));
    return pages.findLast((page) => this.playableFrom(page) <= at) ?? pages[0] ?? null;
  }

  /** The group that the visitor was in at `at`: where he last clicked or went to a page. */
  groupAt(at: number): string | null {
    const pages = this.pages.filter((page) => this.checkoutsOf.has(page.tab));
    const opened = pages.findLast((page) => this.playableFrom(page) <= at) ?? pages[0];
    const acted = this.markerList.findLast((marker) => marker.at <= at && isVisitorKind(marker.kind));
    const actedIn = acted && this.pageOf.get(acted.tab);
    if (acted && actedIn && this.checkoutsOf.has(actedIn.tab) && (!opened || acted.at >= opened.from)) return actedIn.group;
    return opened?.group ?? null;
  }

  checkouts(tab: string): readonly Checkout[] {
    return this.checkoutsOf.get(tab) ?? [];
  }

  /** Where playback starts for whoever watches the visitor's own tab at `at`. */
  checkoutFor(at: number): Checkout | null {
    const group = this.groupAt(at);
    const page = group === null ? null : this.pageAt(group, at);
    return page ? this.checkoutBefore(page.tab, at) : null;
  }

  /** Where playback of a tab has to start to show `at`: its last checkout at or before, or else its first. */
  checkoutBefore(tab: string, at: number): Checkout | null {
    const list = this.checkouts(tab);
    return list.findLast((checkout) => checkout.at <= at) ?? list[0] ?? null;
  }

  /** The checkout that follows another in the same tab. */
  checkoutAfter(checkout: Checkout): Checkout | null {
    return this.checkouts(checkout.tab).find((next) => next.seq > checkout.seq) ?? null;
  }

  /** The nearest marker of one of `kinds` before or after `at`; `slackMs` lets a second press of "previous" leave the one just reached. */
  markerFrom(at: number, direction: 1 | -1, kinds: ReadonlySet<MarkerKind>, slackMs = 0): TimelineMarker | null {
    const wanted = (marker: TimelineMarker): boolean => kinds.has(marker.kind);
    return direction === 1
      ? (this.markerList.find((marker) => marker.at > at + slackMs && wanted(marker)) ?? null)
      : (this.markerList.findLast((marker) => marker.at < at - slackMs && wanted(marker)) ?? null);
  }

  private playableFrom(page: Page): number {
    return this.checkoutsOf.get(page.tab)?.[0]?.at ?? page.from;
  }
}
