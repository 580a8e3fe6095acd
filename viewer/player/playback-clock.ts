/** Where a recording is played: a moment of page time that moves with our monotonic clock, times the speed. */

/** Slowest and fastest; a speed outside is brought inside. */
export const MIN_SPEED = 0.5;
export const MAX_SPEED = 16;

/** Times are milliseconds: `at` by the page's clock, `monotonic` by `performance.now()`. */
export class PlaybackClock {
  private at = 0;
  private since = 0;
  private rate = 1;
  private isRunning = false;

  get speed(): number {
    return this.rate;
  }

  get running(): boolean {
    return this.isRunning;
  }

  /** Page time at `monotonic`. */
  read(monotonic: number): number {
    return this.isRunning ? this.at + (monotonic - this.since) * this.rate : this.at;
  }

  /** Jumps to page time `at`, running or not. */
  set(at: number, monotonic: number): void {
    this.at = at;
    this.since = monotonic;
  }

  start(monotonic: number): void {
    this.since = monotonic;
    this.isRunning = true;
  }

  stop(monotonic: number): void {
    this.at = this.read(monotonic);
    this.isRunning = false;
  }

  /** Changes the speed without a jump. */
  setSpeed(speed: number, monotonic: number): void {
    this.set(this.read(monotonic), monotonic);
    this.rate = Math.min(MAX_SPEED, Math.max(MIN_SPEED, speed));
  }
}
