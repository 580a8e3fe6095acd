/** The time of day as a page shows it ("5 min ago"), moving by itself. */

import { createSubscriber } from "svelte/reactivity";

/** A clock that ticks while somebody looks at it. */
class Ticking {
  private readonly subscribe: () => void;

  constructor(intervalMs: number) {
    this.subscribe = createSubscriber((update) => {
      const timer = setInterval(update, intervalMs);
      return () => clearInterval(timer);
    });
  }

  /** Epoch milliseconds by the viewer's clock. */
  get now(): number {
    this.subscribe();
    return Date.now();
  }
}

export const ticking = new Ticking(1_000);
