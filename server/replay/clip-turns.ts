/** Clips are read a few at a time: one may hold a hundred megabytes, and who asks may ask often. */

import { AppError } from "../app-error.ts";

/** Clips that are read at once. */
const MAX_AT_ONCE = 2;
/** Those that wait for it; past that the next is refused. */
const MAX_WAITING = 16;
const WAIT_MS = 1_000;

/** Gives turns, in the order in which they were asked for. */
export interface ClipTurns {
  /**
   * Does the work when its turn has come.
   * @param signal one that is aborted while it waits takes no turn
   * @throws AppError `overload` where too many wait
   */
  take<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** Turns that nobody has taken yet. */
export function createClipTurns(maxAtOnce = MAX_AT_ONCE, maxWaiting = MAX_WAITING): ClipTurns {
  const waiting = new Set<() => void>();
  let running = 0;

  async function wait(signal: AbortSignal): Promise<void> {
    if (waiting.size >= maxWaiting) throw new AppError("overload", "too many clips at once", { retryAfterMs: WAIT_MS });
    await new Promise<void>((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        waiting.delete(begin);
        reject(new AppError("overload", "whoever asked has gone"));
      };
      waiting.add(begin);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  return {
    async take(work, signal) {
      if (running < maxAtOnce) running++;
      else await wait(signal);
      try {
        return await work();
      } finally {
        const [next] = waiting;
        if (next) {
          waiting.delete(next);
          next();
        } else running--;
      }
    },
  };
}
