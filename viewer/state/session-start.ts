/** Where watching begins, as the address of a session says it, and the address that leads to a moment. */

import type { Timeline } from "../player/timeline.ts";

/** An error is played from this long before it. */
export const BEFORE_ERROR_MS = 10_000;

/**
 * Where to begin: `t` in seconds from the session's start, exact to the millisecond; `at` in page time; or an error by its id. None of them:
 * the live edge, or the beginning. With `paused` it stands still there; `loop` (seconds from and to) is played again and again.
 */
export interface Start {
  t: number | null;
  at: number | null;
  errorId: string | null;
  paused?: boolean;
  loop?: readonly [number, number] | null;
}

/** Reads the query of `/sessions/<id>?t=&paused=&loop=&at=&error=`; what is no number is left out. */
export function readStart(query: URLSearchParams): Start {
  const [from = NaN, to = NaN] = (query.get("loop") ?? "").split("-").map((part) => toNumber(part) ?? NaN);
  return {
    t: toNumber(query.get("t")),
    at: toNumber(query.get("at")),
    errorId: query.get("error"),
    paused: query.get("paused") === "1",
    loop: to > from ? [from, to] : null,
  };
}

/** Page time at which to begin; null for the live edge, and for an error that the timeline does not know. */
export function firstMoment(
  { errorId, at, t, loop }: Start,
  timeline: Pick<Timeline, "from" | "markers">,
  isLive: boolean,
): number | null {
  if (errorId !== null) {
    const marker = timeline.markers.find((candidate) => candidate.errorId === errorId);
    return marker ? marker.at - BEFORE_ERROR_MS : null;
  }
  if (at !== null) return at;
  return t === null && isLive ? null : timeline.from + (t ?? loop?.[0] ?? 0) * 1000;
}

/** The query that leads to a moment, all times in milliseconds from the session's start. */
export function writeStart(moment: { at: number; paused: boolean; loop: { from: number; to: number | null } | null }): string {
  const seconds = (ms: number): string => String(Number((Math.max(0, ms) / 1000).toFixed(3)));
  const { at, paused, loop } = moment;
  return [
    `?t=${seconds(at)}`,
    paused ? "&paused=1" : "",
    loop !== null && loop.to !== null ? `&loop=${seconds(loop.from)}-${seconds(loop.to)}` : "",
  ].join("");
}

function toNumber(text: string | null): number | null {
  const value = text === null || text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}
