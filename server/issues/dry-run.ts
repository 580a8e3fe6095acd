/** What another setting would make of a project's newest occurrences: nothing is written. */

import type { Queryable } from "../db/db.ts";
import { type IssueSettings, readIssueSettings } from "../issue-settings.ts";
import { assign, type KeyBook, type KnownKey } from "./assign.ts";
import { listSamples, readStored, type StoredOccurrence } from "./grouping-queries.ts";
import { keysOf } from "./keys.ts";
import { titleOf } from "./titles.ts";
import { readIssueProjects } from "./write-queries.ts";

const NEWEST = 20_000;
const MAX_SAMPLES = 2_000;
const PAGE = 200;
const MAX_LISTED = 100;

/** Occurrences that would be together. */
export interface DryGroup {
  title: string;
  count: number;
  /** The routes it came from, at most three. */
  routes: string[];
  /** Issues in which they are today. */
  issueIds: number[];
}

/** What would change. Merges and splits by hand are left out of both sides. */
export interface DryRun {
  settings: IssueSettings;
  occurrences: number;
  /** Whether there were more occurrences than a dry run looks at. */
  isPartial: boolean;
  issuesNow: number;
  issuesThen: number;
  /** What is together now, and what would become of it. */
  splits: { now: DryGroup; then: DryGroup[] }[];
  /** What would be together, and is not now. */
  joins: { then: DryGroup; now: DryGroup[] }[];
}

/** Groups the samples by the settings of today and by the changed ones, and compares. */
export async function dryRun(db: Queryable, projectId: number, change: Partial<IssueSettings>): Promise<DryRun> {
  const [project] = await readIssueProjects(db, [projectId]);
  const today = readIssueSettings(project?.settings);
  const settings = { ...today, ...change };
  const samples = await listSamples(db, projectId, NEWEST, MAX_SAMPLES);
  const [now, then] = [createGrouper(today), createGrouper(settings)];
  const pairs: { now: DryGroup; then: DryGroup }[] = [];
  for (let at = 0; at < samples.length; at += PAGE) {
    const page = samples.slice(at, at + PAGE);
    const stored = new Map(
      (
        await readStored(
          db,
          projectId,
          page.map(({ errorId }) => errorId),
        )
      ).map((one) => [one.errorId, one]),
    );
    for (const { errorId, count } of page) {
      const one = stored.get(errorId);
      if (one) pairs.push({ now: now.add(one, count), then: then.add(one, count) });
    }
  }
  const occurrences = samples.reduce((sum, { count }) => sum + count, 0);
  return {
    settings,
    occurrences,
    isPartial: samples.length === MAX_SAMPLES || occurrences === NEWEST,
    issuesNow: new Set(pairs.map((pair) => pair.now)).size,
    issuesThen: new Set(pairs.map((pair) => pair.then)).size,
    splits: spread(pairs.map((pair) => [pair.now, pair.then])).map(([one, parts]) => ({ now: one, then: parts })),
    joins: spread(pairs.map((pair) => [pair.then, pair.now])).map(([one, parts]) => ({ then: one, now: parts })),
  };
}

/** Groups from nothing, as `findIssues` does. */
function createGrouper(settings: IssueSettings) {
  const known = new Map<string, KnownKey<DryGroup>>();
  const placed = new Set<DryGroup>();
  const book: KeyBook<DryGroup> = {
    find: ({ mechanism, hash }) => known.get(`${mechanism} ${hash}`),
    isPlaced: (group) => placed.has(group),
    add({ mechanism, hash }, target) {
      known.set(`${mechanism} ${hash}`, { target, isByHand: false });
      if (mechanism === "frames1") placed.add(target);
    },
  };
  return {
    add(stored: StoredOccurrence, count: number): DryGroup {
      const begin = (): DryGroup => ({ title: titleOf(stored).title, count: 0, routes: [], issueIds: [] });
      const { target } = assign(keysOf(stored, settings), book, begin);
      target.count += count;
      const { transaction, issueId } = stored;
      if (transaction !== "" && target.routes.length < 3 && !target.routes.includes(transaction)) target.routes.push(transaction);
      if (!target.issueIds.includes(issueId)) target.issueIds.push(issueId);
      return target;
    },
  };
}

/** Those on the left that have several on the right, the largest first. */
function spread(pairs: readonly [DryGroup, DryGroup][]): [DryGroup, DryGroup[]][] {
  const right = new Map<DryGroup, Set<DryGroup>>();
  for (const [one, other] of pairs) right.set(one, (right.get(one) ?? new Set()).add(other));
  return [...right]
    .filter(([, parts]) => parts.size > 1)
    .sort(([a], [b]) => b.count - a.count)
    .slice(0, MAX_LISTED)
    .map(([one, parts]) => [one, [...parts].slice(0, MAX_LISTED)]);
}
