/** Issues as the API gives them. */

import type { Level } from "./occurrence.ts";

export const ISSUE_STATUSES = ["open", "resolved", "ignored", "muted"] as const;
export type IssueStatus = (typeof ISSUE_STATUSES)[number];

export const PRIORITIES = ["low", "medium", "high"] as const;
export type Priority = (typeof PRIORITIES)[number];

/** One issue of a list. Times are epoch milliseconds, by the server's clock. */
export interface IssueSummary {
  issueId: number;
  projectId: number;
  /** e.g. `SHOP-42`: the project's slug in capitals, and the number. */
  shortId: string;
  title: string;
  type: string;
  value: string;
  culprit: string;
  level: Level;
  platform: string;
  status: IssueStatus;
  /** Release from which on another occurrence is a regression, `next`, or null for any. */
  resolvedIn: string | null;
  mutedUntil: { at: number | null; count: number | null; users: number | null } | null;
  priority: Priority;
  assignee: { userId: number; email: string } | null;
  firstSeen: number;
  lastSeen: number;
  firstRelease: string;
  lastRelease: string;
  occurrenceCount: number;
  sessionCount: number;
  userCount: number;
  /** From so many distinct sessions on as the project says (2). */
  isPromoted: boolean;
  /** When it came back after it was resolved, last. */
  regressedAt: number | null;
  /** Occurrences in each of the last 24 hours, oldest first. */
  trend: readonly number[];
}

/** A value of a tag and how often it came, most frequent first. */
export interface TagCount {
  name: string;
  values: readonly { value: string; count: number }[];
}

/** Something that was done to an issue, or said of it. */
export interface IssueActivity {
  id: number;
  at: number;
  /** `comment`, `status`, `assignee`, `priority`, `merged`, `split`, `regressed`, `first_seen`... */
  kind: string;
  by: { userId: number; email: string } | null;
  text: string;
}

/** `GET /v1/issues/:id`. */
export interface IssueDetail extends IssueSummary {
  tags: readonly TagCount[];
  releases: readonly { release: string; count: number; firstSeen: number; lastSeen: number }[];
  activity: readonly IssueActivity[];
  /** Issues that were merged into this one, and can be split off. */
  merged: readonly { issueId: number; shortId: string; title: string }[];
  /** The occurrence whose clip shows most: the error in view and enough before it. Null where none has a session. */
  telling: { errorId: string; sessionId: string; at: number } | null;
  /** Why there is no clip, in words for people; empty where there is one. */
  noClipReason: string;
}
