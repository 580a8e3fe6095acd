/** A part of a session that is played again and again: its beginning and its end, and when to go back to the beginning. */

/** Page time; `to` is null until the end is chosen. */
export interface LoopRange {
  from: number;
  to: number | null;
}

/**
 * Where playback that has come to `at` goes on from, where the loop is over or was left; null: just as it goes.
 * @param end of what there is to play (page time); a loop that was read from a link may be longer
 */
export function returnFrom(range: LoopRange | null, at: number, end: number): number | null {
  if (!range || range.to === null) return null;
  return at >= Math.min(range.to, end) || at < range.from - 1 ? range.from : null;
}
