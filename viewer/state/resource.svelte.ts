/** Something that a page reads from the server: not there yet, there, or why not. */

import { app } from "./app.svelte.ts";
import { describeProblem } from "./fault.ts";

export class Resource<T> {
  /** What was read last; it stays while it is read again. */
  value = $state.raw<T | null>(null);
  problem = $state("");
  loading = $state(true);
  private readonly read: (signal: AbortSignal) => Promise<T>;
  private abort = new AbortController();

  /** Begins to read at once. */
  constructor(read: (signal: AbortSignal) => Promise<T>) {
    this.read = read;
    void this.load();
  }

  /** Reads (again); an earlier try that still runs is given up. */
  async load(): Promise<void> {
    this.abort.abort();
    const abort = new AbortController();
    this.abort = abort;
    this.loading = true;
    try {
      const value = await this.read(abort.signal);
      if (abort.signal.aborted) return;
      this.value = value;
      this.problem = "";
    } catch (error) {
      if (abort.signal.aborted || app.handledSignOut(error)) return;
      this.problem = describeProblem(error);
    }
    this.loading = false;
  }

  /** Gives up what is on its way. */
  stop(): void {
    this.abort.abort();
  }
}
