/** How much happened in the last minute, in steps of five seconds: enough to see whether somebody does something. */

const STEP_MS = 5_000;
const STEPS = 12;

/** Times are monotonic milliseconds. */
export class ActivityRing {
  private readonly counts = new Array<number>(STEPS).fill(0);
  private step: number;
  private total: number;
  /** When the count last rose; null where it did not since this was made. */
  private roseAt: number | null = null;

  /** @param total the count so far; what was before does not show */
  constructor(total: number, now: number) {
    this.total = total;
    this.step = Math.floor(now / STEP_MS);
  }

  /** Takes the newest count. One that is smaller than the last (a server that began anew) counts from there. */
  note(total: number, now: number): void {
    this.moveTo(now);
    const more = total - this.total;
    this.total = total;
    if (more <= 0) return;
    this.roseAt = now;
    const at = this.step % STEPS;
    this.counts[at] = (this.counts[at] ?? 0) + more;
  }

  /** Counts of the last minute, oldest first. */
  read(now: number): readonly number[] {
    this.moveTo(now);
    return this.counts.map((_, index) => this.counts[(this.step + 1 + index) % STEPS] ?? 0);
  }

  /** Milliseconds since something happened; null where nothing was seen to. */
  quietMs(now: number): number | null {
    return this.roseAt === null ? null : now - this.roseAt;
  }

  private moveTo(now: number): void {
    const step = Math.floor(now / STEP_MS);
    for (let skipped = Math.min(step - this.step, STEPS); skipped > 0; skipped--) this.counts[(step - skipped + 1) % STEPS] = 0;
    this.step = Math.max(step, this.step);
  }
}

/** Heights from 0 to 1 for bars: a little is seen, and a lot does not hide it. */
export function toHeights(counts: readonly number[]): number[] {
  return counts.map((count) => Math.min(1, Math.log2(1 + count) / 9));
}
