/** When to try again: pure, so that tracker and viewer share it and tests can see all of it. */

import { CLOSE, isFinalClose } from "./close-codes.ts";

/** A restart spreads the fleet over this long. */
export const RESTART_SPREAD_MS = 500;
export const RETRY_BASE_MS = 500;
export const RETRY_MAX_MS = 30_000;
const RETRY_MIN_MS = 50;

/**
 * The wait before the next connection, or null where there should be none.
 *
 * After a drain (1012) the first try comes within half a second; otherwise the wait is drawn from 50 ms up to a bound that doubles
 * with each failed attempt ("full jitter"), at most 30 s.
 * @param attempt failed attempts since the last connection that held, from 0
 * @param closeCode WebSocket close code; 1006 where there was none
 * @param random a number in [0, 1)
 * @param retryAfterMs what the server asked for in an `error`, if it did
 */
export function reconnectDelayMs(attempt: number, closeCode: number, random: number, retryAfterMs = 0): number | null {
  if (isFinalClose(closeCode)) return null;
  const bound =
    closeCode === CLOSE.restart && attempt === 0
      ? RESTART_SPREAD_MS
      : Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** Math.min(attempt, 16));
  return Math.max(0, retryAfterMs) + Math.round(RETRY_MIN_MS + random * (bound - RETRY_MIN_MS));
}
