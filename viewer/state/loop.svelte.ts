/** The loop of a view, as its viewer puts it. */

import type { LoopRange } from "../player/loop-range.ts";

/** A shorter loop would be a flicker. */
export const MIN_LOOP_MS = 500;

export class Loop {
  range = $state.raw<LoopRange | null>(null);

  /** Puts the beginning or the end at a moment; `start` is where a loop without a beginning begins. */
  mark(edge: "from" | "to", at: number, start: number): void {
    const { from = start, to = null } = this.range ?? {};
    if (edge === "to") this.range = { from: Math.max(start, Math.min(from, at - MIN_LOOP_MS)), to: at };
    else this.range = { from: at, to: to !== null && to >= at + MIN_LOOP_MS ? to : null };
  }

  /** No loop any more. */
  clear(): void {
    this.range = null;
  }
}
