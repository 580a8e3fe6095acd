/** Which stretches playback will need, and which it may forget. */

import type { Checkout, Page, Timeline } from "./timeline.ts";

/**
 * The stretches that playback of a page needs by `until`: the one that is played, the next, and the beginning of the page that follows in
 * the same browser tab.
 */
export function stretchesUntil(timeline: Timeline, page: Page, at: number, until: number): Checkout[] {
  const current = timeline.checkoutBefore(page.tab, at);
  const next = current && timeline.checkoutAfter(current);
  const following = timeline.pages.find((other) => other.group === page.group && other.from > page.from);
  const first = following && timeline.checkouts(following.tab)[0];
  const soon = [next, first].filter((checkout) => checkout && checkout.at < until);
  return [current, ...soon].filter((checkout): checkout is Checkout => !!checkout);
}

/** True for a batch in the stretch that is played or the one after it, and for everything at a live edge. */
export function isNeeded(timeline: Timeline, batch: { tab: string; seq: number }, playing: string | null, at: number): boolean {
  const newest = timeline.checkouts(batch.tab).at(-1);
  if (!newest || batch.seq >= newest.seq) return true;
  if (batch.tab !== playing) return false;
  const current = timeline.checkoutBefore(batch.tab, at);
  const next = current && timeline.checkoutAfter(current);
  const after = next && timeline.checkoutAfter(next);
  return current !== null && batch.seq >= current.seq && (!after || batch.seq < after.seq);
}
