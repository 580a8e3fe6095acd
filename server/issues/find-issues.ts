/** Finds the issues of a group of occurrences, and begins those that are missing: one bug is one issue, however many processes meet it first. */

import type { Digested } from "../digested.ts";
import type { Queryable } from "../db/db.ts";
import { assign, type Assigned, type KeyBook, type KnownKey } from "./assign.ts";
import { insertIssues, insertKeys, lockKeys, type ProjectKey, readKeys, type StoredKey } from "./key-queries.ts";
import type { Grouped, Key } from "./keys.ts";
import { titleOf } from "./titles.ts";

/** An occurrence and its keys. */
export interface Item {
  digested: Digested;
  grouped: Grouped;
}

/** An occurrence in its issue. */
export interface Placed {
  digested: Digested;
  issueId: number;
  key: Key;
}

/** An issue that exists, or one that is to begin with an occurrence. */
interface Target {
  issueId: number | null;
  first: Digested | null;
}

interface Plan {
  assigned: Assigned<Target>[];
  /** Keys that lead nowhere yet. */
  added: (ProjectKey & { target: Target; madeFor: number | null })[];
}

/** Finds the issue of each, in the order in which they are given. */
export async function findIssues(tx: Queryable, items: readonly Item[]): Promise<Placed[]> {
  const wanted = items.flatMap(({ digested: { projectId }, grouped }) => allKeys(grouped).map((key) => ({ projectId, key })));
  let plan = planFor(items, await readKeys(tx, wanted));
  if (plan.added.length > 0) {
    await lockKeys(
      tx,
      plan.added.map(({ projectId }) => projectId),
    );
    plan = planFor(items, await readKeys(tx, wanted));
    await begin(tx, plan);
  }
  return items.map(({ digested }, index) => {
    const assigned = plan.assigned[index];
    const issueId = assigned?.target.issueId ?? null;
    if (!assigned || issueId === null) throw new Error("an occurrence has no issue");
    return { digested, issueId, key: assigned.key };
  });
}

/** Every key that an occurrence may be found by. */
export function allKeys({ own, older, places }: Grouped): Key[] {
  return [own, ...older, ...(places?.tried ?? []), ...(places?.kept ?? [])];
}

function planFor(items: readonly Item[], stored: readonly StoredKey[]): Plan {
  const targets = new Map<number, Target>();
  const placed = new Set<Target>();
  const known = new Map<string, KnownKey<Target> & { madeFor: number | null }>();
  for (const { projectId, mechanism, hash, issueId, isByHand, isPlaced, madeFor } of stored) {
    const target = targets.get(issueId) ?? { issueId, first: null };
    targets.set(issueId, target);
    if (isPlaced) placed.add(target);
    known.set(nameOf(projectId, mechanism, hash), { target, isByHand, madeFor });
  }
  const added: Plan["added"] = [];
  const assigned = items.map(({ digested, grouped }) => {
    const { projectId } = digested;
    const book: KeyBook<Target> = {
      find: (key) => known.get(nameOf(projectId, key.mechanism, key.hash)),
      isPlaced: (target) => placed.has(target),
      add(key, target, foundBy) {
        // Found by a key of an issue that was merged: it belongs to that one, and leaves with it.
        const madeFor = known.get(nameOf(projectId, foundBy.mechanism, foundBy.hash))?.madeFor ?? null;
        known.set(nameOf(projectId, key.mechanism, key.hash), { target, isByHand: false, madeFor });
        if (key.mechanism === "frames1") placed.add(target);
        added.push({ projectId, key, target, madeFor });
      },
    };
    return assign(grouped, book, () => ({ issueId: null, first: digested }));
  });
  return { assigned, added };
}

async function begin(tx: Queryable, { assigned, added }: Plan): Promise<void> {
  const fresh = [...new Set(assigned.map(({ target }) => target))].filter(({ issueId }) => issueId === null);
  const made = await insertIssues(
    tx,
    fresh.flatMap(({ first }) => {
      if (!first) return [];
      const { projectId, culprit, level, platform, receivedAt, release } = first;
      return [{ projectId, ...titleOf(first), culprit, level, platform, firstSeen: receivedAt, release }];
    }),
  );
  for (const [index, target] of fresh.entries()) target.issueId = made[index]?.issueId ?? null;
  await insertKeys(
    tx,
    added.flatMap(({ projectId, key, target: { issueId }, madeFor }) =>
      issueId === null ? [] : [{ projectId, key, issueId, madeFor }],
    ),
  );
}

function nameOf(projectId: number, mechanism: string, hash: string): string {
  return `${projectId} ${mechanism} ${hash}`;
}
