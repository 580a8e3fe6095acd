/** Issues: the list, one of them with its occurrences and sessions, and what is done to them. */

import * as v from "valibot";
import {
  ISSUE_STATUSES,
  PRIORITIES,
  type IssueDetail,
  type IssueStatus,
  type IssueSummary,
  type Priority,
} from "../../protocol/issue.ts";
import { LEVELS, type Level, type OccurrenceSummary } from "../../protocol/occurrence.ts";
import { request, withQuery } from "./api.ts";
import { occurrenceSummarySchema } from "./api-errors.ts";

const person = v.nullable(v.object({ userId: v.number(), email: v.string() }));

const summaryEntries = {
  issueId: v.number(),
  projectId: v.number(),
  shortId: v.string(),
  title: v.string(),
  type: v.string(),
  value: v.string(),
  culprit: v.string(),
  level: v.picklist(LEVELS),
  platform: v.string(),
  status: v.picklist(ISSUE_STATUSES),
  resolvedIn: v.nullable(v.string()),
  mutedUntil: v.nullable(v.object({ at: v.nullable(v.number()), count: v.nullable(v.number()), users: v.nullable(v.number()) })),
  priority: v.picklist(PRIORITIES),
  assignee: person,
  firstSeen: v.number(),
  lastSeen: v.number(),
  firstRelease: v.string(),
  lastRelease: v.string(),
  occurrenceCount: v.number(),
  sessionCount: v.number(),
  userCount: v.number(),
  isPromoted: v.boolean(),
  regressedAt: v.nullable(v.number()),
  trend: v.array(v.number()),
};
const summarySchema = v.object(summaryEntries) satisfies v.GenericSchema<unknown, IssueSummary>;

const pageSchema = v.object({
  issues: v.array(summarySchema),
  nextCursor: v.nullish(v.string(), null),
  total: v.nullish(v.number(), null),
});
/** One page of the list. */
export type IssuePage = v.InferOutput<typeof pageSchema>;

const detailSchema = v.object({
  ...summaryEntries,
  tags: v.array(v.object({ name: v.string(), values: v.array(v.object({ value: v.string(), count: v.number() })) })),
  releases: v.array(v.object({ release: v.string(), count: v.number(), firstSeen: v.number(), lastSeen: v.number() })),
  activity: v.array(v.object({ id: v.number(), at: v.number(), kind: v.string(), by: person, text: v.string() })),
  merged: v.array(v.object({ issueId: v.number(), shortId: v.string(), title: v.string() })),
  telling: v.nullable(v.object({ errorId: v.string(), sessionId: v.string(), at: v.number() })),
  noClipReason: v.string(),
}) satisfies v.GenericSchema<unknown, IssueDetail>;

const occurrencesSchema = v.object({
  occurrences: v.array(occurrenceSummarySchema satisfies v.GenericSchema<unknown, OccurrenceSummary>),
  nextCursor: v.nullish(v.string(), null),
});
/** One page of an issue's occurrences, newest first. */
export type OccurrencePage = v.InferOutput<typeof occurrencesSchema>;

const sessionSchema = v.object({
  sessionId: v.string(),
  count: v.number(),
  lastAt: v.number(),
  live: v.nullish(v.boolean(), false),
  userId: v.nullish(v.string(), null),
  /** False where the recording is gone or never came. */
  isStored: v.optional(v.boolean(), true),
});
/** A session that an issue hit. */
export type IssueSession = v.InferOutput<typeof sessionSchema>;

const statsSchema = v.object({
  hours: v.array(v.object({ at: v.number(), count: v.number() })),
  open: v.optional(v.number(), 0),
  new: v.optional(v.number(), 0),
  regressed: v.optional(v.number(), 0),
});
/** What came in during the last hours. */
export type IssueStats = v.InferOutput<typeof statsSchema>;

/** What the list can be sorted by, the greatest first. */
export const ISSUE_SORTS = ["lastSeen", "firstSeen", "count", "users", "sessions", "priority"] as const;
export type IssueSort = (typeof ISSUE_SORTS)[number];

/** What the list of issues can be asked for; empty strings ask for nothing. */
export interface IssueQuery {
  project: number;
  q: string;
  status: "" | IssueStatus;
  level: "" | Level;
  assignee: string;
  release: string;
  environment: string;
  /** `name:value`. */
  tag: string;
  promoted: boolean;
  hasSession: boolean;
  sort: IssueSort;
  cursor: string | null;
}

/** What can be changed of an issue; what is not named stays. */
export interface IssueChange {
  status?: IssueStatus;
  /** Release from which on another occurrence is a regression; `next`, or null for any. */
  resolvedIn?: string | null;
  mutedUntil?: { at: number | null; count: number | null; users: number | null };
  priority?: Priority;
  assigneeId?: number | null;
}

const keySchema = v.object({
  mechanism: v.string(),
  hash: v.string(),
  parts: v.array(v.unknown()),
  /** Split off by hand: it goes before all others. */
  isByHand: v.optional(v.boolean(), false),
  /** Short id of the merged issue that it was made for. */
  madeFor: v.nullish(v.string(), null),
});
/** A key by which an issue is found. */
export type IssueKey = v.InferOutput<typeof keySchema>;

const dryGroupSchema = v.object({
  title: v.string(),
  count: v.number(),
  routes: v.optional(v.array(v.string()), []),
  issueIds: v.optional(v.array(v.number()), []),
});
/** Occurrences that would be together. */
export type DryGroup = v.InferOutput<typeof dryGroupSchema>;

const dryRunSchema = v.object({
  occurrences: v.number(),
  isPartial: v.optional(v.boolean(), false),
  issuesNow: v.number(),
  issuesThen: v.number(),
  splits: v.array(v.object({ now: dryGroupSchema, then: v.array(dryGroupSchema) })),
  joins: v.array(v.object({ then: dryGroupSchema, now: v.array(dryGroupSchema) })),
});
/** What another setting of grouping would change. */
export type DryRun = v.InferOutput<typeof dryRunSchema>;

/** What another setting would make of the newest occurrences of a project; changes nothing. */
export function dryRunGrouping(projectId: number, wish: { routeSplits: boolean; placeJoins: boolean }): Promise<DryRun> {
  return request("POST", `/v1/projects/${projectId}/grouping/dry-run`, dryRunSchema, { body: wish });
}

/** One page of the list of issues. */
export function readIssues(query: IssueQuery, signal?: AbortSignal): Promise<IssuePage> {
  return request("GET", withQuery("/v1/issues", { ...query }), pageSchema, { signal });
}

/** Occurrences of a project by the hour. */
export function readIssueStats(project: number, signal?: AbortSignal): Promise<IssueStats> {
  return request("GET", withQuery("/v1/issues/stats", { project, hours: 24 }), statsSchema, { signal });
}

/** One issue, by its number or its short id. */
export async function readIssue(id: string, signal?: AbortSignal): Promise<IssueDetail> {
  return (await request("GET", issuePath(id), v.object({ issue: detailSchema }), { signal })).issue;
}

/** One page of the occurrences of an issue, newest first. */
export function readOccurrences(issueId: number, cursor: string | null, signal?: AbortSignal): Promise<OccurrencePage> {
  return request("GET", withQuery(`${issuePath(issueId)}/occurrences`, { cursor }), occurrencesSchema, { signal });
}

/** The sessions that an issue hit, the newest first. */
export async function readIssueSessions(issueId: number, signal?: AbortSignal): Promise<IssueSession[]> {
  const answer = await request("GET", `${issuePath(issueId)}/sessions`, v.object({ sessions: v.array(sessionSchema) }), {
    signal,
  });
  return answer.sessions;
}

/** Changes one issue. */
export async function changeIssue(issueId: number, change: IssueChange): Promise<void> {
  await request("PATCH", issuePath(issueId), v.unknown(), { body: change });
}

/** Changes several at once. */
export async function changeIssues(ids: readonly number[], change: IssueChange): Promise<void> {
  await request("PATCH", "/v1/issues", v.unknown(), { body: { ids, ...change } });
}

/** Says something about an issue. */
export async function commentIssue(issueId: number, text: string): Promise<void> {
  await request("POST", `${issuePath(issueId)}/comments`, v.unknown(), { body: { text } });
}

/** Takes other issues into this one. */
export async function mergeIssues(issueId: number, ids: readonly number[]): Promise<void> {
  await request("POST", `${issuePath(issueId)}/merge`, v.unknown(), { body: { ids } });
}

/** The keys by which an issue is found, the oldest first. */
export async function readIssueKeys(issueId: number, signal?: AbortSignal): Promise<IssueKey[]> {
  return (await request("GET", `${issuePath(issueId)}/keys`, v.object({ keys: v.array(keySchema) }), { signal })).keys;
}

/**
 * Begins an issue with some of the keys of another, and with what came by them.
 * @returns the number of the new one
 */
export async function splitKeysOff(issueId: number, keys: readonly string[]): Promise<number> {
  const answer = await request("POST", `${issuePath(issueId)}/split`, v.object({ splitOff: v.number() }), { body: { keys } });
  return answer.splitOff;
}

/** Gives an issue that was merged into this one a life of its own again. */
export async function splitIssue(issueId: number, other: number): Promise<void> {
  await request("POST", `${issuePath(issueId)}/split`, v.unknown(), { body: { issueId: other } });
}

function issuePath(id: number | string): string {
  return `/v1/issues/${encodeURIComponent(String(id))}`;
}
