/**
 * The states of an issue, and what an occurrence does to them.
 *
 * open -> resolved, ignored, muted by hand. resolved -> open by a regression. muted -> open when its time is over or it came too often.
 * ignored stays until somebody opens it.
 */

import type { IssueStatus } from "../../protocol/issue.ts";
import { type FirstSeen, isFrom, isNext } from "./release-order.ts";

/** What decides on an issue's state; times are epoch milliseconds. */
export interface IssueLife {
  status: IssueStatus;
  resolvedAt: number | null;
  /** A release, `next`, or null for any. */
  resolvedIn: string | null;
  mutedUntil: number | null;
  /** Counts that end it when they are reached. */
  mutedUntilCount: number | null;
  mutedUntilUsers: number | null;
}

/** An occurrence, as far as it matters here. */
export interface Hit {
  receivedAt: number;
  release: string;
}

/** What became of an issue: nothing, a regression by one of the hits, or the end of a mute, with the reason in words. */
export type Turn = { kind: "none" } | { kind: "regressed"; hit: number } | { kind: "unmuted"; why: string };

/**
 * What occurrences do to an issue.
 * @param counts of the issue, with these occurrences
 */
export function turn(
  life: IssueLife,
  hits: readonly Hit[],
  counts: { occurrences: number; users: number },
  now: number,
  firstSeen: FirstSeen,
): Turn {
  switch (life.status) {
    case "open":
    case "ignored":
      return { kind: "none" };
    case "muted": {
      const why = whyUnmuted(life, counts, now);
      return why === null ? { kind: "none" } : { kind: "unmuted", why };
    }
    case "resolved": {
      const hit = hits.findIndex((one) => isRegression(life, one, firstSeen));
      return hit < 0 ? { kind: "none" } : { kind: "regressed", hit };
    }
    default:
      return life.status satisfies never;
  }
}

function isRegression({ resolvedAt, resolvedIn }: IssueLife, hit: Hit, firstSeen: FirstSeen): boolean {
  if (resolvedAt !== null && hit.receivedAt <= resolvedAt) return false;
  if (resolvedIn === null) return true;
  if (resolvedIn !== "next") return isFrom(hit.release, resolvedIn, firstSeen);
  return isNext(hit.release, resolvedAt ?? 0, firstSeen);
}

function whyUnmuted(life: IssueLife, counts: { occurrences: number; users: number }, now: number): string | null {
  if (life.mutedUntil !== null && now >= life.mutedUntil) return "its time was over";
  if (life.mutedUntilCount !== null && counts.occurrences >= life.mutedUntilCount) return "it occurred often enough";
  if (life.mutedUntilUsers !== null && counts.users >= life.mutedUntilUsers) return "it hit users enough";
  return null;
}
