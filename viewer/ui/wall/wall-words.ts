/** What the wall says of visitors. */

import type { SessionSummary } from "../../../protocol/session.ts";
import type { TileState } from "../../state/wall/live-tile.svelte.ts";
import { formatCount, formatDuration, formatPath, formatUrl, visitorName } from "../format.ts";

/** Whoever did something this recently is active. */
const ACTIVE_MS = 7_000;

/** `active`, `quiet for 25 s`; before anything was seen to happen: `quiet`. */
export function quietWords(quietMs: number | null): string {
  if (quietMs === null) return "quiet";
  return quietMs < ACTIVE_MS ? "active" : `quiet for ${formatDuration(quietMs)}`;
}

/** What lies over a small live view instead of or above its page; empty where the page says enough. */
export function tileWords(state: TileState, isAway: boolean): string {
  switch (state) {
    case "joining":
      return "Waiting for the page";
    case "watching":
      return isAway ? "Not connected" : "";
    case "resting":
      return "";
    case "large":
      return "Too large for a small view";
    case "ended":
      return "The visit has ended";
    case "gone":
      return "Not to be seen any more";
    default:
      return state satisfies never;
  }
}

/** The page that somebody is on, in few words. */
export function pageWords(session: Pick<SessionSummary, "title" | "url">): string {
  return session.title || formatPath(session.url) || formatUrl(session.url) || "No address";
}

/** How long a visit takes so far. */
export function visitMs(session: Pick<SessionSummary, "durationMs" | "lastAt" | "startedAt">): number {
  return Math.max(session.durationMs, session.lastAt - session.startedAt, 0);
}

/** True where every word is somewhere in who he is and where he is. */
export function fits(session: SessionSummary, search: string): boolean {
  const said = [visitorName(session), session.title, session.url, session.sessionId].join(" ").toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => said.includes(word));
}

/** `3 visitors online`. */
export function onlineWords(count: number): string {
  return count === 0 ? "Nobody is online" : `${formatCount(count, "visitor")} online`;
}
