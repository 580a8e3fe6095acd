/** Time and timers, handed in so that tests can move them. */

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Runs `task` every `intervalMs` until the returned function is called; never keeps the process alive. */
  every(intervalMs: number, task: () => void): () => void;
  /** Runs `task` once; the returned function cancels it. Never keeps the process alive. */
  after(delayMs: number, task: () => void): () => void;
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  every(intervalMs, task) {
    const timer = setInterval(task, intervalMs).unref();
    return () => {
      clearInterval(timer);
    };
  },
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs).unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
