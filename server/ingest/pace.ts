/** How much a project takes a second, over all its sessions: one bucket for each project that has such a limit. */

import type { Project } from "../projects/projects.ts";

/** A burst is what comes in so many seconds at the full rate: a fleet that comes back after a restart is no misuse. */
const BURST_SECONDS = 10;
/** A tracker over the pace waits this long at least, and at most; spread, so that not all of them come back together. */
const MIN_WAIT_MS = 500;
const MAX_WAIT_MS = 1_500;
const SPREAD_MS = 500;

/**
 * The bucket of a project; its sessions hold a reference, so that a batch needs no look-up. A rate is Infinity where there is no such
 * limit. `bytesLeft` may go below zero: a batch is taken whole while anything is left, and owed afterwards.
 */
export interface Pace {
  perSecond: number;
  bytesPerSecond: number;
  left: number;
  bytesLeft: number;
  refilledAt: number;
}

/** The buckets of all projects that have a limit. */
export class Paces {
  private readonly paces = new Map<number, Pace>();

  /** The bucket of a project, with the limits that it has now; null where it has none. */
  of({ id, settings }: Project, now: number): Pace | null {
    const { batchesPerSecond, bytesPerSecond } = settings.limits;
    if (batchesPerSecond === null && bytesPerSecond === null) {
      this.paces.delete(id);
      return null;
    }
    const rates = { perSecond: batchesPerSecond ?? Infinity, bytesPerSecond: bytesPerSecond ?? Infinity };
    const known = this.paces.get(id);
    if (known) return Object.assign(known, rates);
    const { perSecond, bytesPerSecond: bytes } = rates;
    const pace = { ...rates, left: perSecond * BURST_SECONDS, bytesLeft: bytes * BURST_SECONDS, refilledAt: now };
    this.paces.set(id, pace);
    return pace;
  }
}

/**
 * Takes a batch out of the bucket.
 * @returns 0 where it may go on, else how long its tracker should wait
 */
export function takePace(pace: Pace, bytes: number, now: number): number {
  const elapsed = now - pace.refilledAt;
  pace.left = refill(pace.left, pace.perSecond, elapsed);
  pace.bytesLeft = refill(pace.bytesLeft, pace.bytesPerSecond, elapsed);
  pace.refilledAt = Math.max(pace.refilledAt, now);
  if (pace.left >= 1 && pace.bytesLeft > 0) {
    pace.left -= 1;
    pace.bytesLeft -= bytes;
    return 0;
  }
  const batchMs = pace.left >= 1 ? 0 : ((1 - pace.left) * 1_000) / pace.perSecond;
  const bytesMs = pace.bytesLeft > 0 ? 0 : ((1 - pace.bytesLeft) * 1_000) / pace.bytesPerSecond;
  const waitMs = Math.min(MAX_WAIT_MS, Math.max(MIN_WAIT_MS, batchMs, bytesMs));
  return Math.round(waitMs + Math.random() * SPREAD_MS);
}

function refill(left: number, perSecond: number, elapsed: number): number {
  // A limit that was taken away, and one that came to a bucket that had none.
  if (perSecond === Infinity) return Infinity;
  const gained = elapsed > 0 ? (elapsed * perSecond) / 1_000 : 0;
  return Math.min(perSecond * BURST_SECONDS, left + gained);
}
