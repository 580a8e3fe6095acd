/** Writes digested errors: each into its issue, once, with all that is counted, in the transaction of whoever digested them. */

import type { Digested, IssueNews } from "../digested.ts";
import type { Queryable } from "../db/db.ts";
import { type IssueSettings, readIssueSettings } from "../issue-settings.ts";
import { addActivity } from "./activity-queries.ts";
import { findIssues, type Placed } from "./find-issues.ts";
import { readTargets } from "./key-queries.ts";
import { keysOf } from "./keys.ts";
import { turn } from "./life.ts";
import { newsOf } from "./news.ts";
import { hoursOf, releasesOf, sessionsOf, sumsOf, usersOf } from "./sums.ts";
import {
  addHours,
  addProjectReleases,
  addReleases,
  addSessions,
  addUsers,
  type HeldIssue,
  holdIssues,
  insertOccurrences,
  type IssueUpdate,
  readFirstSeen,
  readIssueProjects,
  readWritten,
  updateIssues,
} from "./write-queries.ts";

/** A project's slug and settings. */
export interface ProjectFacts {
  slug: string;
  settings: IssueSettings;
}

/** What was written of one issue. */
export interface IssueWrite {
  issue: HeldIssue;
  /** In the order of their receipt. */
  occurrences: readonly Digested[];
  /** Which of the occurrences brought it back; -1 for none. */
  regressedBy: number;
  isUnmuted: boolean;
  isPromoted: boolean;
}

/**
 * Writes occurrences; those that are written already change nothing, and those of removed projects are dropped.
 * @param now epoch milliseconds
 */
export async function writeOccurrences(tx: Queryable, digested: readonly Digested[], now: number): Promise<IssueNews[]> {
  const fresh = await withoutWritten(tx, digested);
  if (fresh.length === 0) return [];
  const rows = await readIssueProjects(tx, [...new Set(fresh.map(({ projectId }) => projectId))]);
  const projects = new Map(
    rows.map(({ id, slug, settings }): [number, ProjectFacts] => [id, { slug, settings: readIssueSettings(settings) }]),
  );
  const items = fresh.flatMap((one) => {
    const project = projects.get(one.projectId);
    return project ? [{ digested: one, grouped: keysOf(one, project.settings) }] : [];
  });
  const { placed, held } = await hold(tx, await findIssues(tx, items));
  const written = await insertOccurrences(tx, placed);
  const counted = placed.filter(({ digested: { errorId } }) => written.has(dashed(errorId)));
  if (counted.length === 0) return [];
  const writes = await count(tx, counted, held, projects, now);
  return newsOf(writes, projects);
}

/** Not twice in a group, and not again. */
async function withoutWritten(tx: Queryable, digested: readonly Digested[]): Promise<Digested[]> {
  if (digested.length === 0) return [];
  const seen = new Set(await readWritten(tx, digested));
  return [...digested]
    .sort((a, b) => a.receivedAt - b.receivedAt)
    .filter(({ projectId, eventId }) => {
      const name = `${projectId} ${eventId}`;
      if (seen.has(name)) return false;
      seen.add(name);
      return true;
    });
}

/**
 * Holds the issues, which nobody merges or splits from then on. Where somebody did in the meantime, the keys lead elsewhere now, and so do
 * the occurrences.
 */
async function hold(tx: Queryable, found: readonly Placed[]): Promise<{ placed: Placed[]; held: Map<number, HeldIssue> }> {
  let placed = [...found];
  await tx.query("SAVEPOINT holding");
  for (;;) {
    const issues = await holdIssues(tx, [...new Set(placed.map(({ issueId }) => issueId))]);
    const held = new Map(issues.map((issue) => [issue.issueId, issue]));
    const led = await readTargets(
      tx,
      placed.map(({ digested: { projectId }, key }) => ({ projectId, key })),
    );
    const moved = placed.map((one, index) => ({ ...one, issueId: led[index] ?? one.issueId }));
    if (moved.every(({ issueId }) => held.has(issueId))) return { placed: moved, held };
    placed = moved;
    // Lets go of what is held: issues are held in the order of their ids only.
    await tx.query("ROLLBACK TO SAVEPOINT holding");
  }
}

async function count(
  tx: Queryable,
  placed: readonly Placed[],
  held: ReadonlyMap<number, HeldIssue>,
  projects: ReadonlyMap<number, ProjectFacts>,
  now: number,
): Promise<IssueWrite[]> {
  await addHours(tx, hoursOf(placed));
  const sessions = await addSessions(tx, sessionsOf(placed));
  const users = await addUsers(tx, usersOf(placed));
  await addReleases(tx, releasesOf(placed));
  await addProjectReleases(
    tx,
    placed.flatMap(({ digested: { projectId, release, receivedAt } }) =>
      release === "" ? [] : [{ projectId, release, at: receivedAt }],
    ),
  );
  const writes: IssueWrite[] = [];
  const updates: IssueUpdate[] = [];
  const activity: Parameters<typeof addActivity>[1][number][] = [];
  for (const sum of sumsOf(placed)) {
    const issue = held.get(sum.issueId);
    if (!issue) continue;
    const occurrences = placed.filter(({ issueId }) => issueId === sum.issueId).map(({ digested }) => digested);
    const added = { sessions: sessions.get(sum.issueId) ?? 0, users: users.get(sum.issueId) ?? 0 };
    const counts = { occurrences: issue.occurrenceCount + sum.count, users: issue.userCount + added.users };
    const what = turn(issue, occurrences, counts, now, await firstSeenFor(tx, issue, occurrences));
    const threshold = projects.get(issue.projectId)?.settings.promoteAfterSessions ?? 1;
    const isPromoted = !issue.isToldPromoted && issue.sessionCount + added.sessions >= threshold;
    const isRegression = what.kind === "regressed";
    updates.push({ ...sum, ...added, isReopened: what.kind !== "none", isRegression, isPromoted });
    if (issue.occurrenceCount === 0)
      activity.push({ issueId: sum.issueId, kind: "first_seen", userId: null, text: occurrences[0]?.release ?? "" });
    if (what.kind === "regressed") {
      const release = occurrences[what.hit]?.release ?? "";
      activity.push({ issueId: sum.issueId, kind: "regressed", userId: null, text: release });
    }
    if (what.kind === "unmuted") activity.push({ issueId: sum.issueId, kind: "status", userId: null, text: `open: ${what.why}` });
    writes.push({
      issue,
      occurrences,
      regressedBy: what.kind === "regressed" ? what.hit : -1,
      isUnmuted: what.kind === "unmuted",
      isPromoted,
    });
  }
  await updateIssues(tx, updates, now);
  await addActivity(tx, activity, now);
  return writes;
}

/** When the releases that decide were first heard of; read only where they do. */
async function firstSeenFor(
  tx: Queryable,
  issue: HeldIssue,
  occurrences: readonly Digested[],
): Promise<ReadonlyMap<string, number>> {
  if (issue.status !== "resolved" || issue.resolvedIn === null) return new Map();
  const releases = [...new Set([issue.resolvedIn, ...occurrences.map(({ release }) => release)])];
  return readFirstSeen(tx, issue.projectId, releases, issue.resolvedIn === "next" ? issue.resolvedAt : null);
}

/** Postgres' way to write a UUID. */
function dashed(id: string): string {
  const hex = id.replaceAll("-", "").toLowerCase();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
