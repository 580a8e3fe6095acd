/** Issues as they are read from the database. */

import type { IssueStatus, IssueSummary, Priority } from "../../protocol/issue.ts";
import type { Level } from "../../protocol/occurrence.ts";
import { DEFAULT_ISSUE_SETTINGS } from "../issue-settings.ts";
import { shortIdOf } from "./titles.ts";

const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** How many are missing; null where no number is set, which `greatest` alone would make 0. */
const rest = (until: string, reached: string) => `CASE WHEN ${until} IS NOT NULL THEN greatest(${until} - ${reached}, 0) END`;

/** A mute whose time is over holds no more, though nobody has written that down yet. */
export const STATUS = `CASE WHEN i.status = 'muted' AND i.muted_until <= now() THEN 'open' ELSE i.status END`;

/** Whether an issue `i` of project `p` hit as many sessions as the project asks for. */
export const PROMOTED = `i.session_count >= CASE WHEN jsonb_typeof(p.issue_settings -> 'promoteAfterSessions') = 'number'
  THEN (p.issue_settings ->> 'promoteAfterSessions')::numeric ELSE ${DEFAULT_ISSUE_SETTINGS.promoteAfterSessions} END`;

/** Of `issues i JOIN projects p LEFT JOIN users u` (the assignee). */
export const ISSUE_COLUMNS = `i.issue_id AS "issueId", i.project_id AS "projectId", p.slug, i.number, i.title, i.type, i.value, i.culprit,
  i.level, i.platform, ${STATUS} AS status, i.resolved_in AS "resolvedIn", ${ms("i.muted_until")} AS "mutedUntilAt",
  ${rest("i.muted_until_count", "i.occurrence_count")} AS "mutedCount", ${rest("i.muted_until_users", "i.user_count")} AS "mutedUsers",
  i.priority, i.assignee_id AS "assigneeId", u.email AS "assigneeEmail", ${ms("i.first_seen")} AS "firstSeen",
  ${ms("i.last_seen")} AS "lastSeen", i.first_release AS "firstRelease", i.last_release AS "lastRelease",
  i.occurrence_count AS "occurrenceCount", i.session_count AS "sessionCount", i.user_count AS "userCount",
  ${PROMOTED} AS "isPromoted", ${ms("i.regressed_at")} AS "regressedAt"`;

/** Where {@link ISSUE_COLUMNS} come from. */
export const ISSUE_TABLES = `issues i JOIN projects p ON p.id = i.project_id AND p.removed_at IS NULL
  LEFT JOIN users u ON u.id = i.assignee_id`;

/** One row. */
export interface IssueRow {
  issueId: number;
  projectId: number;
  slug: string;
  number: number;
  title: string;
  type: string;
  value: string;
  culprit: string;
  level: Level;
  platform: string;
  status: IssueStatus;
  resolvedIn: string | null;
  mutedUntilAt: number | null;
  mutedCount: number | null;
  mutedUsers: number | null;
  priority: Priority;
  assigneeId: number | null;
  assigneeEmail: string | null;
  firstSeen: number;
  lastSeen: number;
  firstRelease: string;
  lastRelease: string;
  occurrenceCount: number;
  sessionCount: number;
  userCount: number;
  isPromoted: boolean;
  regressedAt: number | null;
}

/** An issue of a list. `mutedUntil` says how many more occurrences and users end the mute. */
export function toIssue(row: IssueRow, trend: readonly number[]): IssueSummary {
  const { slug, number, mutedUntilAt, mutedCount, mutedUsers, assigneeId, assigneeEmail, ...rest } = row;
  return {
    ...rest,
    shortId: shortIdOf(slug, number),
    resolvedIn: row.status === "resolved" ? row.resolvedIn : null,
    mutedUntil: row.status === "muted" ? { at: mutedUntilAt, count: mutedCount, users: mutedUsers } : null,
    assignee: assigneeId === null ? null : { userId: assigneeId, email: assigneeEmail ?? "" },
    trend,
  };
}
