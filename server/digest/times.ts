/** When something happened, as SDKs say it: seconds, milliseconds or ISO text, by a clock that may be wrong. */

import { numberOf } from "./reader.ts";

/** Numbers below this are seconds: as milliseconds they would be before 1973. */
const MAX_SECONDS = 1e11;
const MAX_AT = 8.64e15;
/** A sender's clock that is off by as much is corrected; less may be the time that it took to send. */
const MIN_DRIFT_MS = 55 * 60_000;
/** What is later than it was received, by more than this, happened when it was received. */
const MAX_AHEAD_MS = 60_000;
const HAS_ZONE = /(?:Z|[+-]\d{2}:?\d{2})$/i;

/** Epoch milliseconds of a timestamp; null for what is none. Text without a zone is UTC. */
export function readTime(value: unknown): number | null {
  const number = numberOf(value);
  if (number !== null) {
    const ms = number < MAX_SECONDS ? number * 1_000 : number;
    return ms > 0 && ms <= MAX_AT ? ms : null;
  }
  if (typeof value !== "string" || value.length > 40) return null;
  const ms = Date.parse(HAS_ZONE.test(value) ? value : `${value.replace(" ", "T")}Z`);
  return Number.isNaN(ms) || ms <= 0 ? null : ms;
}

/** Puts a sender's times on the server's clock. */
export interface TimeFrame {
  /** The time of the event itself: when it was received where it is missing or lies ahead. */
  ofEvent(value: unknown): number;
  /** Null where it is missing. */
  of(value: unknown): number | null;
  /** Milliseconds that were added to all times; 0 for a clock that is about right. */
  readonly shiftMs: number;
}

/** @param sentAt epoch milliseconds by the sender's clock, where it says so */
export function createTimeFrame(receivedAt: number, sentAt: number | null): TimeFrame {
  const drift = sentAt === null ? 0 : receivedAt - sentAt;
  const shiftMs = Math.abs(drift) >= MIN_DRIFT_MS ? drift : 0;
  const of = (value: unknown) => {
    const time = readTime(value);
    return time === null ? null : time + shiftMs;
  };
  return {
    shiftMs,
    of,
    ofEvent(value) {
      const time = of(value);
      return time === null || time < 0 || time > receivedAt + MAX_AHEAD_MS ? receivedAt : time;
    },
  };
}
