/** The panels: what each is called, what its rows are, and how they are filtered. */

import type { BookedEntry } from "../../player/log-book.ts";
import type { Page, TimelineMarker } from "../../player/timeline.ts";
import { consoleRows, networkRows, stateRows } from "./log-rows.ts";
import { actionRows, errorRows, eventRows, markRows, pageRows } from "./marker-rows.ts";
import type { PanelFilter, PanelId, PanelRow } from "./panel-row.ts";

/** What rows are made from. */
export interface PanelSources {
  markers: readonly TimelineMarker[];
  entries: readonly BookedEntry[];
  pages: readonly Page[];
}

/** One panel. */
export interface PanelKind {
  id: PanelId;
  name: string;
  rows: (sources: PanelSources) => readonly PanelRow[];
  /** Filters, in their order; rows of other groups are always shown. None: the groups are the filters. */
  filters: readonly PanelFilter[];
  /** True where events have to be read for it, which a long session brings only where somebody has been. */
  readsEvents: boolean;
  /** What it says while it has no row. */
  empty: string;
}

export const PANEL_KINDS: readonly PanelKind[] = [
  {
    id: "events",
    name: "Events",
    rows: ({ markers }) => eventRows(markers),
    filters: [
      { group: "errors", name: "Errors" },
      { group: "requests", name: "Requests" },
      { group: "pages", name: "Pages" },
      { group: "clicks", name: "Clicks" },
      { group: "friction", name: "Friction" },
      { group: "marks", name: "Marks" },
    ],
    readsEvents: false,
    empty: "Clicks, pages, errors and failed requests appear here as they happen.",
  },
  {
    id: "console",
    name: "Console",
    rows: ({ entries, markers }) => consoleRows(entries, markers),
    filters: [
      { group: "error", name: "Errors" },
      { group: "warn", name: "Warnings" },
      { group: "info", name: "Info" },
      { group: "log", name: "Log" },
      { group: "debug", name: "Debug" },
    ],
    readsEvents: true,
    empty: "Errors of the console are always here; with recordConsole the page tells all of its calls.",
  },
  {
    id: "network",
    name: "Network",
    rows: ({ entries, markers }) => networkRows(entries, markers),
    filters: [
      { group: "failed", name: "Failed" },
      { group: "slow", name: "Slow" },
      { group: "fine", name: "Others" },
    ],
    readsEvents: true,
    empty: "Failed requests are always here; with recordNetwork the page tells all of its requests.",
  },
  {
    id: "errors",
    name: "Errors",
    rows: ({ markers }) => errorRows(markers),
    filters: [
      { group: "thrown", name: "Thrown" },
      { group: "console", name: "Console" },
    ],
    readsEvents: false,
    empty: "No error happened.",
  },
  {
    id: "pages",
    name: "Pages",
    rows: ({ markers, pages }) => pageRows(markers, pages),
    filters: [
      { group: "loads", name: "Page loads" },
      { group: "ways", name: "Navigations" },
    ],
    readsEvents: false,
    empty: "No page was loaded yet.",
  },
  {
    id: "actions",
    name: "Actions",
    rows: ({ markers, entries }) => actionRows(markers, entries),
    filters: [
      { group: "clicks", name: "Clicks" },
      { group: "inputs", name: "Inputs" },
      { group: "friction", name: "Friction" },
      { group: "help", name: "Help" },
    ],
    readsEvents: true,
    empty: "Nothing was clicked or typed yet.",
  },
  {
    id: "marks",
    name: "Marks",
    rows: ({ markers }) => markRows(markers),
    filters: [],
    readsEvents: false,
    empty: "A page marks a moment by watchback.mark(name, data).",
  },
  {
    id: "state",
    name: "State",
    rows: ({ entries }) => stateRows(entries),
    filters: [
      { group: "state", name: "State" },
      { group: "storage", name: "Storage" },
    ],
    readsEvents: true,
    empty: "A page tells its state by watchback.state(name, value), and its storage by watchback.storage(area, name, value).",
  },
];

/** Most filters that are made of groups. */
const MAX_GROUPS = 12;

/** The filters of a panel that have rows, each with their number. */
export function filtersOf(kind: PanelKind, rows: readonly PanelRow[]): (PanelFilter & { count: number })[] {
  const counts = new Map<string, number>();
  for (const { group } of rows) counts.set(group, (counts.get(group) ?? 0) + 1);
  const filters =
    kind.filters.length > 0 ? kind.filters : [...counts.keys()].slice(0, MAX_GROUPS).map((group) => ({ group, name: group }));
  return filters.flatMap((filter) => {
    const count = counts.get(filter.group) ?? 0;
    return count > 0 && filter.name !== "" ? [{ ...filter, count }] : [];
  });
}
