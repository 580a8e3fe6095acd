/** Which error of a chain an issue is about: groups of one are looked through, broken trees are left alone. */

import type { ChainedException } from "../../protocol/occurrence.ts";

/** React throws these itself, with the real error as their cause. */
const WRAPPERS = [
  "There was an error during concurrent rendering but React was able to recover",
  "There was an error while hydrating but React was able to recover",
];
/** How members of a chain that are no members of a group are reported: causes, and what was handled when another came. */
const CAUSE = /^(?:__)?(?:cause|context)(?:__)?$/i;

/**
 * The error that names the issue: the first of the chain; of a group whose members are all the same error, that error; of React's
 * wrappers, what they wrap. Null where there is no error.
 */
export function mainException(exceptions: readonly ChainedException[]): ChainedException | null {
  const [first] = exceptions;
  if (!first) return null;
  const found = resolveGroup(exceptions, first) ?? first;
  if (!WRAPPERS.some((words) => found.value.startsWith(words))) return found;
  const cause = exceptions[exceptions.indexOf(found) + 1];
  return cause ?? found;
}

/** The one distinct member of a group and of the groups in it; null where there are several, or the tree is none. */
function resolveGroup(exceptions: readonly ChainedException[], root: ChainedException): ChainedException | null {
  if (root.isGroup !== true) return null;
  const tree = readTree(exceptions);
  if (tree === null || root.id === undefined) return null;
  const members: ChainedException[] = [];
  const waiting = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    const inner = node.isGroup === true && node.id !== undefined ? (tree.get(node.id) ?? []) : [];
    if (inner.length > 0) waiting.push(...[...inner].reverse());
    else if (node !== root) members.push(node);
  }
  const distinct = new Map(members.map((one) => [JSON.stringify([one.type, one.value]), one]));
  const [only] = members;
  return distinct.size === 1 && only ? only : null;
}

/** Members of each group by its id; null for ids that are missing, come twice, or lead in a circle. */
function readTree(exceptions: readonly ChainedException[]): ReadonlyMap<number, ChainedException[]> | null {
  const byId = new Map<number, ChainedException>();
  for (const one of exceptions) {
    if (one.id === undefined || byId.has(one.id)) return null;
    byId.set(one.id, one);
  }
  const members = new Map<number, ChainedException[]>();
  let roots = 0;
  for (const one of exceptions) {
    if (one.parentId === undefined) {
      roots++;
      continue;
    }
    if (!leadsUp(one, byId)) return null;
    if (!CAUSE.test(one.source ?? "")) members.set(one.parentId, [...(members.get(one.parentId) ?? []), one]);
  }
  return roots === 1 ? members : null;
}

function leadsUp(one: ChainedException, byId: ReadonlyMap<number, ChainedException>): boolean {
  let node: ChainedException | undefined = one;
  for (let steps = 0; steps <= byId.size; steps++) {
    if (node.parentId === undefined) return true;
    node = byId.get(node.parentId);
    if (!node) return false;
  }
  return false;
}
