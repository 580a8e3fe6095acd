/** The errors of our tracker that a group of intake rows points to, read together. */

import * as v from "valibot";
import type { Queryable } from "../db/db.ts";
import type { Digested } from "../digested.ts";
import type { ClaimedRow } from "./intake-queries.ts";
import { readTrackerError } from "./tracker-error.ts";
import { type ErrorPlace, readErrors, readMarkers, type StoredError, type StoredMarker } from "./tracker-queries.ts";

const place = v.object({
  session_id: v.string(),
  tab: v.string(),
  seq: v.pipe(v.number(), v.integer()),
  ordinal: v.pipe(v.number(), v.integer()),
  started_on: v.pipe(v.string(), v.isoDate()),
});
/** Markers that are read of one tab for all errors of a group. */
const MAX_MARKERS = 1_000;
/** Breadcrumbs of one error. */
const MAX_BREADCRUMBS = 60;

/** What was found, by intake id; errors that are gone are left out. */
export async function readTrackerRows(db: Queryable, rows: readonly ClaimedRow[]): Promise<Map<number, Digested>> {
  const wanted = rows.flatMap((row) => {
    const parsed = v.safeParse(place, row.head);
    return parsed.success ? [{ row, place: parsed.output }] : [];
  });
  const errors = new Map(
    (
      await readErrors(
        db,
        wanted.map((one) => one.place),
      )
    ).map((error) => [keyOf(error), error]),
  );
  const markers = await readTabs(db, [...errors.values()]);
  const found = new Map<number, Digested>();
  for (const one of wanted) {
    const error = errors.get(keyOf(one.place));
    if (error?.project_id !== one.row.project_id) continue;
    const before = (markers.get(tabOf(error)) ?? []).filter((marker) => isBefore(marker, error)).slice(0, MAX_BREADCRUMBS);
    found.set(one.row.intake_id, readTrackerError(error, one.row.received_at.getTime(), before));
  }
  return found;
}

/** The markers of each tab up to its last error here, newest first. */
async function readTabs(db: Queryable, errors: readonly StoredError[]): Promise<Map<string, StoredMarker[]>> {
  const last = new Map<string, StoredError>();
  for (const error of errors) {
    const known = last.get(tabOf(error));
    if (!known || known.seq < error.seq) last.set(tabOf(error), error);
  }
  const tabs = new Map<string, StoredMarker[]>();
  for (const marker of await readMarkers(db, [...last.values()], MAX_MARKERS)) {
    const known = tabs.get(tabOf(marker));
    if (known) known.push(marker);
    else tabs.set(tabOf(marker), [marker]);
  }
  return tabs;
}

function isBefore(marker: StoredMarker, error: StoredError): boolean {
  return marker.seq < error.seq || (marker.seq === error.seq && marker.ordinal < error.ordinal);
}

function keyOf({ session_id, tab, seq, ordinal }: ErrorPlace): string {
  return JSON.stringify([session_id, tab, seq, ordinal]);
}

function tabOf({ session_id, tab }: Pick<ErrorPlace, "session_id" | "tab">): string {
  return JSON.stringify([session_id, tab]);
}
