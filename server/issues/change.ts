/** What people change about issues: states, priority, who sees to it. */

import * as v from "valibot";
import { ISSUE_STATUSES, PRIORITIES } from "../../protocol/issue.ts";
import { cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import type { Queryable } from "../db/db.ts";
import { addActivity, type NewActivity } from "./activity-queries.ts";
import { addProjectReleases, holdIssues } from "./write-queries.ts";

const MAX_AT = 8.64e15;
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(1_000_000_000));
const release = v.pipe(v.string(), v.transform(cleanText), v.trim(), v.minLength(1), v.maxLength(250));

/** What a change may say; what is not named stays as it is. */
export const issueChangeFields = {
  status: v.optional(v.picklist(ISSUE_STATUSES)),
  /** A release, `next`, or null for any. */
  resolvedIn: v.optional(v.nullable(release)),
  /** Until a moment, or until so many more occurrences or users. */
  mutedUntil: v.optional(
    v.nullable(
      v.strictObject({
        at: v.optional(v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_AT))), null),
        count: v.optional(v.nullable(count), null),
        users: v.optional(v.nullable(count), null),
      }),
    ),
  ),
  priority: v.optional(v.picklist(PRIORITIES)),
  assigneeId: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2_147_483_647)))),
};
/** A change of one issue. */
export const issueChangeSchema = v.strictObject(issueChangeFields);
export type IssueChange = v.InferOutput<typeof issueChangeSchema>;

/** Who changes, and when. */
export interface Actor {
  userId: number;
  now: number;
}

/**
 * Changes issues, and notes what was done. In a transaction.
 * @throws AppError `protocol` for a change that contradicts itself, and for somebody who may not see the issue's project
 */
export async function changeIssues(tx: Queryable, issueIds: readonly number[], change: IssueChange, actor: Actor): Promise<void> {
  const state = stateOf(change);
  const held = await holdIssues(tx, issueIds);
  const activity: NewActivity[] = [];
  const note = (issueId: number, kind: string, text: string) => activity.push({ issueId, kind, userId: actor.userId, text });
  const ids = held.map(({ issueId }) => issueId);
  if (state) {
    if (state.status === "resolved" && state.resolvedIn !== null && state.resolvedIn !== "next") {
      // Nobody may have heard of it yet: what is first heard of from now on is as new, where no version says otherwise.
      const { resolvedIn: release } = state;
      const projects = new Set(held.map(({ projectId }) => projectId));
      await addProjectReleases(
        tx,
        [...projects].map((projectId) => ({ projectId, release, at: actor.now })),
      );
    }
    await setState(tx, ids, state, actor.now);
    for (const id of ids) note(id, "status", describeState(state));
  }
  if (change.priority !== undefined) {
    await tx.query("UPDATE issues SET priority = $2 WHERE issue_id = ANY($1::bigint[])", [ids, change.priority]);
    for (const id of ids) note(id, "priority", change.priority);
  }
  if (change.assigneeId !== undefined) {
    const projects = new Set(held.map(({ projectId }) => projectId));
    const name = change.assigneeId === null ? "nobody" : await readMember(tx, change.assigneeId, [...projects]);
    await tx.query("UPDATE issues SET assignee_id = $2 WHERE issue_id = ANY($1::bigint[])", [ids, change.assigneeId]);
    for (const id of ids) note(id, "assignee", name);
  }
  await addActivity(tx, activity, actor.now);
}

/** A state that issues are put into. */
type State =
  | { status: "open" | "ignored" }
  | { status: "resolved"; resolvedIn: string | null }
  | { status: "muted"; at: number | null; count: number | null; users: number | null };

function stateOf({ status, resolvedIn = null, mutedUntil = null }: IssueChange): State | null {
  const wanted = status ?? impliedBy(resolvedIn, mutedUntil);
  if (resolvedIn !== null && wanted !== "resolved") throw new AppError("protocol", "resolvedIn: goes with the status resolved");
  if (mutedUntil !== null && wanted !== "muted") throw new AppError("protocol", "mutedUntil: goes with the status muted");
  switch (wanted) {
    case undefined:
      return null;
    case "open":
    case "ignored":
      return { status: wanted };
    case "resolved":
      return { status: wanted, resolvedIn };
    case "muted":
      return { status: wanted, at: mutedUntil?.at ?? null, count: mutedUntil?.count ?? null, users: mutedUntil?.users ?? null };
    default:
      return wanted satisfies never;
  }
}

function impliedBy(resolvedIn: string | null, mutedUntil: object | null): "resolved" | "muted" | undefined {
  if (resolvedIn !== null) return "resolved";
  return mutedUntil === null ? undefined : "muted";
}

async function setState(tx: Queryable, ids: readonly number[], state: State, now: number): Promise<void> {
  const muted = state.status === "muted" ? state : null;
  await tx.query(
    `UPDATE issues SET status = $2, resolved_at = CASE WHEN $2 = 'resolved' THEN to_timestamp($3 / 1000.0) END, resolved_in = $4,
       muted_until = to_timestamp($5::float8 / 1000.0), muted_until_count = occurrence_count + $6::bigint,
       muted_until_users = user_count + $7::bigint
     WHERE issue_id = ANY($1::bigint[])`,
    [
      ids,
      state.status,
      now,
      state.status === "resolved" ? state.resolvedIn : null,
      muted?.at ?? null,
      muted?.count ?? null,
      muted?.users ?? null,
    ],
  );
}

function describeState(state: State): string {
  if (state.status === "resolved") {
    if (state.resolvedIn === null) return "resolved";
    return state.resolvedIn === "next" ? "resolved in the next release" : `resolved in ${state.resolvedIn}`;
  }
  if (state.status !== "muted") return state.status;
  const until = [
    ...(state.at === null ? [] : [new Date(state.at).toISOString()]),
    ...(state.count === null ? [] : [`${state.count} more occurrences`]),
    ...(state.users === null ? [] : [`${state.users} more users`]),
  ];
  return until.length === 0 ? "muted" : `muted until ${until.join(" or ")}`;
}

/** The address of somebody who may see all of the projects. */
async function readMember(tx: Queryable, userId: number, projectIds: readonly number[]): Promise<string> {
  const rows = await tx.query<{ email: string }>(
    `SELECT email FROM users u WHERE id = $1 AND disabled_at IS NULL AND (is_admin OR $3 = (
       SELECT count(*) FROM project_members m WHERE m.user_id = u.id AND m.project_id = ANY($2::integer[])))`,
    [userId, projectIds, projectIds.length],
  );
  const [member] = rows;
  if (!member) throw new AppError("protocol", "assigneeId: expected somebody who may see the project");
  return member.email;
}
