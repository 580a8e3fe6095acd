/** Where watching begins, as the address of a session says it, and the address that leads to a moment. */

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
