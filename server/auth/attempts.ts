/** How often somebody may try: a token bucket for each account and each address, in memory, refilled when looked at. */

import type { Clock } from "../clock.ts";

/** Buckets kept; past that the ones used longest ago are forgotten. */
const MAX_BUCKETS = 20_000;

interface Bucket {
  left: number;
  at: number;
}

/** One set of buckets. */
export interface Attempts {
  /** Takes one try from `name`; the wait in ms where none is left, 0 where there was one. */
  take(name: string): number;
  /** Gives `name` its tries back, after a success. */
  forgive(name: string): void;
}

/**
 * Builds one set of buckets.
 * @param burst tries that may come at once
 * @param refillMs one more try after so long
 */
export function createAttempts(clock: Clock, burst: number, refillMs: number): Attempts {
  const buckets = new Map<string, Bucket>();
  return {
    take(name) {
      const now = clock.now();
      const bucket = buckets.get(name) ?? { left: burst, at: now };
      bucket.left = Math.min(burst, bucket.left + Math.max(0, now - bucket.at) / refillMs);
      bucket.at = now;
      buckets.delete(name);
      buckets.set(name, bucket);
      for (const oldest of buckets.keys()) {
        if (buckets.size <= MAX_BUCKETS) break;
        buckets.delete(oldest);
      }
      if (bucket.left < 1) return Math.ceil((1 - bucket.left) * refillMs);
      bucket.left--;
      return 0;
    },
    forgive(name) {
      buckets.delete(name);
    },
  };
}
