/**
 * Channels that are left alone for a while because they failed: one that answers slowly or not at all must not hold up the messages of
 * the others. Kept in memory; a process that starts anew finds out again.
 */

import type { Clock } from "../clock.ts";

const FIRST_MS = 10_000;
const LONGEST_MS = 15 * 60_000;
/** One that has not been asked for so long is forgotten. */
const FORGET_MS = 3_600_000;

/** Which channels are left alone, and until when. */
export interface ChannelPauses {
  /** Epoch milliseconds until which a channel is left alone; null where it is not. */
  until(channelId: number): number | null;
  /** It failed: left alone for a while, twice as long as the last time. */
  failed(channelId: number): void;
  /** It works. */
  worked(channelId: number): void;
}

/** Builds them; no channel is paused. */
export function createChannelPauses(clock: Clock): ChannelPauses {
  const paused = new Map<number, { failures: number; until: number }>();
  return {
    until(channelId) {
      const until = paused.get(channelId)?.until ?? 0;
      return until > clock.now() ? until : null;
    },
    failed(channelId) {
      const now = clock.now();
      for (const [id, { until }] of paused) if (until < now - FORGET_MS) paused.delete(id);
      const failures = (paused.get(channelId)?.failures ?? 0) + 1;
      paused.set(channelId, { failures, until: now + Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1)) });
    },
    worked(channelId) {
      paused.delete(channelId);
    },
  };
}
