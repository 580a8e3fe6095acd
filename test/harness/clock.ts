/** A clock that a test moves by hand. */

import type { Clock } from "../../server/clock.ts";

export interface TestClock extends Clock {
  /** Goes forward, and runs what falls due on the way, in order. */
  advance(ms: number): void;
}

interface Timer {
  at: number;
  everyMs: number | null;
  task: () => void;
}

/** Builds a clock that stands at `now`. */
export function createTestClock(now: number): TestClock {
  const timers = new Set<Timer>();
  const add = (timer: Timer) => {
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  return {
    now: () => now,
    every: (intervalMs, task) => add({ at: now + intervalMs, everyMs: intervalMs, task }),
    after: (delayMs, task) => add({ at: now + delayMs, everyMs: null, task }),
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const [due] = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at);
        if (!due) break;
        now = Math.max(now, due.at);
        if (due.everyMs === null) timers.delete(due);
        else due.at += due.everyMs;
        due.task();
      }
      now = end;
    },
  };
}
