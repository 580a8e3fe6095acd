/** Where a visitor does nothing for a while, and where he goes on. */

import type { EventCursor } from "./event-cursor.ts";
import type { Timeline } from "./timeline.ts";

/** Quiet times are skipped when at least this much can be left out. */
const MIN_SKIP_MS = 5_000;
/** What happens next is seen coming by this much. */
const LEAD_MS = 1_000;

/**
 * The moment to jump to from `at`, or null where it is not worth it. Only as far as is known: what is not loaded or not inflated yet may
 * hold something.
 * @param group the browser tab that is watched, or null for the one in which the visitor is
 */
export function findQuietEnd(timeline: Timeline, cursor: EventCursor, at: number, group: string | null): number | null {
  const nextPage = timeline.pages.find((page) => page.from > at && (group === null || page.group === group));
  const nextMarker = timeline.markers.find((marker) => marker.at > at);
  const inTab = cursor.nextInteractionAt(at);
  const isWhole = cursor.currentSeq >= (timeline.page(cursor.tab)?.upto ?? -1);
  const known = inTab !== Infinity ? inTab : isWhole ? timeline.to + LEAD_MS : cursor.heldUpto();
  const target = Math.min(known, nextPage?.from ?? Infinity, nextMarker?.at ?? Infinity, timeline.to + LEAD_MS) - LEAD_MS;
  return target - at < MIN_SKIP_MS ? null : target;
}
