/**
 * Opens one target at a time, the newest wish only. While a target still waits for data, a newer wish aborts it; once it is being built it
 * is finished, so that somebody who drags along the timeline sees pictures go by instead of none.
 */

export class OpenQueue<Target> {
  private readonly open: (target: Target, signal: AbortSignal) => Promise<void>;
  private readonly onFailure: (error: unknown) => void;
  private wanted: { target: Target } | null = null;
  private abort: AbortController | null = null;
  private isStopped = false;

  /**
   * @param open rejects with an AbortError when its signal aborts before it has begun to build
   * @param onFailure told of every other rejection
   */
  constructor(open: (target: Target, signal: AbortSignal) => Promise<void>, onFailure: (error: unknown) => void) {
    this.open = open;
    this.onFailure = onFailure;
  }

  /** True while something is being opened. */
  get busy(): boolean {
    return this.abort !== null;
  }

  want(target: Target): void {
    if (this.isStopped) return;
    this.wanted = { target };
    if (this.abort) this.abort.abort();
    else void this.work();
  }

  stop(): void {
    this.isStopped = true;
    this.wanted = null;
    this.abort?.abort();
  }

  private async work(): Promise<void> {
    for (let next = this.wanted; next; next = this.wanted) {
      this.wanted = null;
      const abort = new AbortController();
      this.abort = abort;
      try {
        await this.open(next.target, abort.signal);
      } catch (error) {
        if (!abort.signal.aborted) this.onFailure(error);
      }
    }
    this.abort = null;
  }
}
