/** Going through a recording event by event: where the page changes next, or changed before. */

import type { BatchCache, CachedBatch } from "./batch-cache.ts";
import { RRWEB } from "../../protocol/rrweb-event.ts";
import { isRecord, SOURCE, type RrwebEvent } from "./rrweb-events.ts";
import type { Timeline } from "./timeline.ts";

/** Moves of the pointer are many, and each goes on for half a second: nobody steps through them. */
const PASSED_OVER: ReadonlySet<unknown> = new Set([SOURCE.mouseMove, SOURCE.touchMove, SOURCE.drag]);

/**
 * The moment (page time) of the next event of a tab after `at`, or of the last one before it. Where the stretch that is held ends, it is the
 * nearest moment beyond; null at the session's ends.
 */
export async function findStep(
  timeline: Timeline,
  cache: BatchCache,
  tab: string,
  at: number,
  direction: 1 | -1,
): Promise<number | null> {
  const checkout = timeline.checkoutBefore(tab, at);
  if (!checkout) return null;
  const next = timeline.checkoutAfter(checkout);
  const held = cache.run(tab, checkout.seq).filter((batch) => !next || batch.seq < next.seq);
  if (direction === 1) {
    for (const batch of held) {
      if (batch.lastAt <= at) continue;
      const found = (await timesOf(batch)).find((time) => time > at);
      if (found !== undefined) return found;
    }
    return next?.at ?? timeline.pages.find((page) => page.from > at)?.from ?? null;
  }
  for (const batch of held.toReversed()) {
    if (batch.firstAt >= at) continue;
    const found = (await timesOf(batch)).findLast((time) => time < at);
    if (found !== undefined) return found;
  }
  if (checkout.at < at) return checkout.at;
  return checkout.at - 1 >= timeline.from ? checkout.at - 1 : null;
}

async function timesOf(batch: CachedBatch): Promise<number[]> {
  return (await batch.events()).filter(isStep).map((event) => event.timestamp);
}

function isStep({ type, data }: RrwebEvent): boolean {
  return type === RRWEB.incremental && isRecord(data) && !PASSED_OVER.has(data["source"]);
}
