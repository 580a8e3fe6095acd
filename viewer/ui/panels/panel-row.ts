/** What a row of any panel is: a moment, a line of text, and what there is to see when it is chosen. */

import type { MarkerKind } from "../../../protocol/markers.ts";

/** How a row looks. */
export type Tone = "error" | "warn" | "good" | "plain" | "quiet";

/** What a panel shows. */
export const PANELS = ["events", "console", "network", "errors", "pages", "actions", "marks", "state"] as const;
export type PanelId = (typeof PANELS)[number];

/** A fact beside a chosen row. */
export interface Fact {
  name: string;
  value: string;
  tone?: Tone;
}

/** Text in a box of its own beside a chosen row: a value, a body, a stack. */
export interface Excerpt {
  title: string;
  text: string;
  /** True where it may be JSON, and is shown as what it means. */
  isValue: boolean;
}

export interface PanelRow {
  id: string;
  /** Page time. */
  at: number;
  tab: string;
  /** The sign in front of it. */
  icon: MarkerKind | "console" | "request" | "state" | "typed";
  tone: Tone;
  /** One line; a recording's own words are never anything but text. */
  text: string;
  /** What stands at its end, e.g. a status or a time. */
  meta: string;
  /** How often it came in a row, 1 for once. */
  count: number;
  /** Which of the panel's filters it belongs to. */
  group: string;
  facts: readonly Fact[];
  excerpts: readonly Excerpt[];
  /** The marker's id, where it is one: whoever needs the error behind it finds it by that. */
  markerId: string | null;
}

/** A filter of a panel. */
export interface PanelFilter {
  group: string;
  name: string;
}

/** Rows that are wanted: in no group that is off, and with every word of the search in them. */
export function chooseRows(rows: readonly PanelRow[], off: readonly string[], search: string): readonly PanelRow[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (off.length === 0 && words.length === 0) return rows;
  return rows.filter((row) => !off.includes(row.group) && (words.length === 0 || holdsAll(row, words)));
}

function holdsAll(row: PanelRow, words: readonly string[]): boolean {
  const parts = [row.text, row.meta, ...row.facts.map(({ value }) => value), ...row.excerpts.map(({ text }) => text)];
  const all = parts.join("\n").toLowerCase();
  return words.every((word) => all.includes(word));
}

/** Index of the last row at or before `at`, or -1. Rows are in order of time. */
export function lastAtOrBefore(rows: readonly { at: number }[], at: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle]?.at ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
