/** A part of a session that is played again and again: its beginning and its end, and when to go back to the beginning. */

import type { PlayerStatus } from "../player/player-status.ts";

/** Page time; `to` is null until the end is chosen. */
export interface LoopRange {
  from: number;
  to: number | null;
}

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

  /** Where to go on from, where the loop is over or was left; null: just as it goes. */
  returnTo(status: Pick<PlayerStatus, "at" | "playing" | "mode" | "stage">): number | null {
    const { range } = this;
    if (!range || range.to === null || !status.playing || status.mode === "live" || status.stage !== "shown") return null;
    return status.at >= range.to || status.at < range.from - 1 ? range.from : null;
  }
}
