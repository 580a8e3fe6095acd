/** How many batches a second a project takes, over all its sessions: one bucket for each project that has such a limit. */

import type { Project } from "../projects/projects.ts";

/** A burst is what comes in so many seconds at the full rate: a fleet that comes back after a restart is no misuse. */
const BURST_SECONDS = 10;
/** A tracker over the pace waits this long at least, and at most; spread, so that not all of them come back together. */
const MIN_WAIT_MS = 500;
const MAX_WAIT_MS = 1_500;
const SPREAD_MS = 500;

/** The bucket of a project; its sessions hold a reference, so that a batch needs no look-up. */
export interface Pace {
  perSecond: number;
  left: number;
  refilledAt: number;
}

/** The buckets of all projects that have a limit. */
export class Paces {
  private readonly paces = new Map<number, Pace>();

  /** The bucket of a project, with the limit that it has now; null where it has none. */
  of({ id, settings }: Project, now: number): Pace | null {
    const perSecond = settings.limits.batchesPerSecond;
    if (perSecond === null) {
      this.paces.delete(id);
      return null;
    }
    let pace = this.paces.get(id);
    if (!pace) {
      pace = { perSecond, left: perSecond * BURST_SECONDS, refilledAt: now };
      this.paces.set(id, pace);
    }
    pace.perSecond = perSecond;
    return pace;
  }
}

/**
 * Takes a batch out of the bucket.
 * @returns 0 where it may go on, else how long its tracker should wait
 */
export function takePace(pace: Pace, now: number): number {
  const elapsed = now - pace.refilledAt;
  if (elapsed > 0) {
    pace.left = Math.min(pace.perSecond * BURST_SECONDS, pace.left + (elapsed * pace.perSecond) / 1_000);
    pace.refilledAt = now;
  }
  if (pace.left >= 1) {
    pace.left -= 1;
    return 0;
  }
  const waitMs = ((1 - pace.left) * 1_000) / pace.perSecond;
  return Math.round(Math.min(MAX_WAIT_MS, Math.max(MIN_WAIT_MS, waitMs)) + Math.random() * SPREAD_MS);
}
