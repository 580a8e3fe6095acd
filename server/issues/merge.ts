/**
 * Merging issues by hand, and splitting them again.
 *
 * A merge moves keys and occurrences to the issue that stays and adds the counts there. The merged issue keeps its own counts, sessions,
 * users and hours as they were, so that a split can take them out again; what came for it in the meantime is known by its keys.
 */

import type { Queryable } from "../db/db.ts";
import { addActivity } from "./activity-queries.ts";
import type { Actor } from "./change.ts";
import { lockKeys } from "./key-queries.ts";
import {
  addSinceMerge,
  beginLike,
  claimKeys,
  copyCounts,
  countKeys,
  moveBack,
  moveInto,
  retitle,
  takeOut,
} from "./merge-queries.ts";
import { holdIssues } from "./write-queries.ts";

/**
 * Takes issues into another of their project. In a transaction.
 * @returns false where one of them is not there, is of another project, or is merged already
 */
export async function mergeIssues(
  tx: Queryable,
  into: number,
  projectId: number,
  ids: readonly number[],
  actor: Actor,
): Promise<boolean> {
  await lockKeys(tx, [projectId]);
  const others = [...new Set(ids)].filter((id) => id !== into);
  const held = await holdIssues(tx, [into, ...others]);
  if (held.length !== others.length + 1) return false;
  if (held.some((issue) => issue.projectId !== projectId || issue.mergedInto !== null)) return false;
  const numbers = new Map(held.map(({ issueId, number }) => [issueId, number]));
  for (const id of others) {
    await copyCounts(tx, id, into);
    await moveInto(tx, id, into);
  }
  await note(tx, "merged", actor, [
    ...others.map((id): [number, string] => [into, `number ${numbers.get(id) ?? 0} into this`]),
    ...others.map((id): [number, string] => [id, `into number ${numbers.get(into) ?? 0}`]),
  ]);
  return true;
}

/**
 * Gives an issue that was merged into another a life of its own again, with what came for it since. In a transaction.
 * @returns false where it is not merged into that one
 */
export async function splitIssue(tx: Queryable, from: number, projectId: number, id: number, actor: Actor): Promise<boolean> {
  await lockKeys(tx, [projectId]);
  const held = await holdIssues(tx, [from, id]);
  const [merged, stays] = [held.find(({ issueId }) => issueId === id), held.find(({ issueId }) => issueId === from)];
  if (!merged || merged.mergedInto !== from) return false;
  await moveBack(tx, id, from);
  await addSinceMerge(tx, id);
  await takeOut(tx, id, from);
  await note(tx, "split", actor, [
    [from, `number ${merged.number} off this`],
    [id, `off number ${stays?.number ?? 0}`],
  ]);
  return true;
}

/**
 * Makes an issue of its own of what came by some of the keys of another: for keys that joined what does not belong together. They go there
 * before all others from now on. Undone by a merge. In a transaction.
 * @returns the new issue, or null where the keys are none of that issue's, or all of them
 */
export async function splitKeys(
  tx: Queryable,
  from: number,
  projectId: number,
  hashes: readonly string[],
  actor: Actor,
): Promise<number | null> {
  await lockKeys(tx, [projectId]);
  await holdIssues(tx, [from]);
  const all = await countKeys(tx, from);
  const id = await beginLike(tx, from);
  const claimed = await claimKeys(tx, from, id, hashes);
  if (claimed === 0 || claimed === all) return null;
  await moveBack(tx, id, from);
  await addSinceMerge(tx, id);
  await retitle(tx, id);
  await takeOut(tx, id, from);
  const [made] = await holdIssues(tx, [id]);
  await note(tx, "split", actor, [
    [from, `number ${made?.number ?? 0} off this`],
    [id, "by its keys"],
  ]);
  return id;
}

async function note(tx: Queryable, kind: string, { userId, now }: Actor, texts: readonly [number, string][]): Promise<void> {
  await addActivity(
    tx,
    texts.map(([issueId, text]) => ({ issueId, kind, userId, text })),
    now,
  );
}
