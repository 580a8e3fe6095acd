/** Error mode: the newest drafts, kept so that playback can start at least `keepMs` before now, until an error lets them go. Pure. */

import type { Draft } from "./batcher.ts";

export interface ErrorWindow {
  add: (draft: Draft) => void;
  /** Hands over everything that is kept, oldest first, and keeps nothing more. */
  release: () => Draft[];
  /** True where a checkout would let old drafts go: what came since the newest is large. */
  isCheckoutDue: () => boolean;
}

/**
 * Generations begin at checkouts. The oldest goes when the one after it began at least `keepMs` ago, so two are kept at most times.
 * @param maxChars when more is held than this, the oldest generations go before their time
 */
export function createErrorWindow(keepMs: number, maxChars: number): ErrorWindow {
  let drafts: Draft[] = [];
  let chars = 0;
  let charsSinceCheckout = 0;

  /** Where the second generation begins, or -1. */
  function secondStart(): number {
    return drafts.findIndex((draft, index) => index > 0 && draft.checkout);
  }

  return {
    add(draft) {
      drafts.push(draft);
      chars += draft.json.length;
      charsSinceCheckout = draft.checkout ? 0 : charsSinceCheckout + draft.json.length;
      for (let second = secondStart(); second > 0; second = secondStart()) {
        const isOld = (drafts[second]?.firstAt ?? Infinity) <= draft.lastAt - keepMs;
        if (!isOld && chars <= maxChars) break;
        for (const gone of drafts.splice(0, second)) chars -= gone.json.length;
      }
    },
    release() {
      const released = drafts;
      drafts = [];
      chars = 0;
      return released;
    },
    isCheckoutDue: () => charsSinceCheckout > maxChars / 4,
  };
}
