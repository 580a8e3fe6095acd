/**
 * What time it is in the visitor's page, as well as a viewer can know it.
 *
 * Every batch says when its newest event happened (page time) and arrives at a moment of our monotonic clock. The difference is the
 * offset of the two clocks plus the time on the way; the smallest difference seen lately is the best guess. The viewer's date plays no
 * part, so that a page whose clock is an hour off is watched like any other.
 *
 * The clock runs `LIVE_BUFFER_MS` behind that guess: the events of one batch, gathered over 100 ms while somebody watches, then play in
 * the rhythm in which they happened, and none waits longer than the oldest of its batch already has.
 */

/** How far the live edge is played behind the newest event that can have arrived. */
export const LIVE_BUFFER_MS = 60;
/** The best guess forgets what is older than one to two of these: a page's clock may be set, and a network may become slower. */
const WINDOW_MS = 10_000;

/** Times are milliseconds: `at` by the page's clock, `monotonic` by the viewer's `performance.now()`. */
export class LiveClock {
  private best = Infinity;
  private next = Infinity;
  private windowStart = -Infinity;

  /** Notes that an event of page time `at` arrived at `monotonic`. */
  observe(at: number, monotonic: number): void {
    const offset = monotonic - at;
    if (monotonic - this.windowStart > WINDOW_MS) {
      // The window that closes stays the guess for one more window; what is older than that is forgotten.
      this.best = this.next;
      this.next = Infinity;
      this.windowStart = monotonic;
    }
    this.next = Math.min(this.next, offset);
    this.best = Math.min(this.best, offset);
  }

  /** True once something was observed. */
  get isSet(): boolean {
    return this.best !== Infinity;
  }

  /** Page time that is shown at `monotonic`; -Infinity before the first observation. */
  at(monotonic: number): number {
    return this.best === Infinity ? -Infinity : monotonic - this.best - LIVE_BUFFER_MS;
  }

  /** Milliseconds from `monotonic` until an event of page time `at` is to be shown; 0 for what is late. */
  dueIn(at: number, monotonic: number): number {
    return this.best === Infinity ? 0 : Math.min(LIVE_BUFFER_MS, Math.max(0, at - this.at(monotonic)));
  }
}
