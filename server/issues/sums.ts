/** What a group of occurrences adds to the counts of its issues. */

import type { Placed } from "./find-issues.ts";
import type { IssueSum, ReleaseSum } from "./write-queries.ts";

const HOUR_MS = 3_600_000;

/** By issue. */
export function sumsOf(placed: readonly Placed[]): IssueSum[] {
  return gather(
    placed,
    ({ issueId }) => String(issueId),
    ({ issueId, digested }): IssueSum => ({
      issueId,
      count: 1,
      firstAt: digested.receivedAt,
      lastAt: digested.receivedAt,
      lastRelease: digested.release,
      level: digested.level,
    }),
    (sum, one) => {
      if (one.lastAt >= sum.lastAt) {
        if (one.lastRelease !== "") sum.lastRelease = one.lastRelease;
        sum.level = one.level;
      }
    },
  );
}

/** By issue and hour. */
export function hoursOf(placed: readonly Placed[]) {
  return gather(
    placed,
    ({ issueId, digested }) => `${issueId} ${Math.floor(digested.receivedAt / HOUR_MS)}`,
    ({ issueId, digested }) => ({ issueId, hour: Math.floor(digested.receivedAt / HOUR_MS) * HOUR_MS, count: 1 }),
  );
}

/** By issue and session. */
export function sessionsOf(placed: readonly Placed[]) {
  return gather(
    placed.filter(({ digested }) => digested.sessionId !== null),
    ({ issueId, digested }) => `${issueId} ${digested.sessionId ?? ""}`,
    ({ issueId, digested }) => ({ issueId, sessionId: digested.sessionId ?? "", lastAt: digested.receivedAt, count: 1 }),
  );
}

/** By issue and user. */
export function usersOf(placed: readonly Placed[]) {
  return gather(
    placed.filter(({ digested }) => digested.userId !== null && digested.userId !== ""),
    ({ issueId, digested }) => `${issueId} ${digested.userId ?? ""}`,
    ({ issueId, digested }) => ({ issueId, userId: digested.userId ?? "", count: 1 }),
  );
}

/** By issue, release and environment. */
export function releasesOf(placed: readonly Placed[]): ReleaseSum[] {
  return gather(
    placed,
    ({ issueId, digested }) => JSON.stringify([issueId, digested.release, digested.environment]),
    ({ issueId, digested: { release, environment, receivedAt } }): ReleaseSum => ({
      issueId,
      release,
      environment,
      count: 1,
      firstAt: receivedAt,
      lastAt: receivedAt,
    }),
  );
}

interface Sum {
  count: number;
  firstAt?: number;
  lastAt?: number;
}

/** One row for each name, in the order of the first of each. */
function gather<Row extends Sum>(
  placed: readonly Placed[],
  nameOf: (one: Placed) => string,
  rowOf: (one: Placed) => Row,
  merge: (sum: Row, one: Row) => void = () => undefined,
): Row[] {
  const rows = new Map<string, Row>();
  for (const one of placed) {
    const row = rowOf(one);
    const sum = rows.get(nameOf(one));
    if (!sum) {
      rows.set(nameOf(one), row);
      continue;
    }
    merge(sum, row);
    sum.count += row.count;
    if (sum.firstAt !== undefined && row.firstAt !== undefined) sum.firstAt = Math.min(sum.firstAt, row.firstAt);
    if (sum.lastAt !== undefined && row.lastAt !== undefined) sum.lastAt = Math.max(sum.lastAt, row.lastAt);
  }
  return [...rows.values()];
}
