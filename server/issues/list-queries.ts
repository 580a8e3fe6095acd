/** Statements that list issues and count them by the hour. */

import type { IssueSummary } from "../../protocol/issue.ts";
import type { Queryable } from "../db/db.ts";
import type { IssueCursor, IssueFilter, IssueSort } from "./issue-filter.ts";
import { ISSUE_COLUMNS, ISSUE_TABLES, type IssueRow, PROMOTED, STATUS, toIssue } from "./issue-rows.ts";

const HOUR_MS = 3_600_000;
const TREND_HOURS = 24;
/** Beyond this a list says "more than". */
const MAX_TOTAL = 10_000;

const MICROS = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::bigint`;
const FROM_MICROS = (micros: string) => `timestamptz 'epoch' + ${micros} * interval '1 microsecond'`;
/** Microseconds are less than this until the year 2065; three times as many are a whole number still. */
const RANK_STEP = "3000000000000000::bigint";
const RANK = "(CASE i.priority WHEN 'high' THEN 2 WHEN 'medium' THEN 1 ELSE 0 END)";

/** What an order goes by: columns of an index, the same as one number for the cursor, and that number (`$18`) as the columns again. */
interface SortBy {
  by: readonly string[];
  value: string;
  after: string;
}

const byCount = (column: string): SortBy => ({ by: [column], value: column, after: "$18::bigint" });
const byTime = (column: string): SortBy => ({ by: [column], value: MICROS(column), after: FROM_MICROS("$18::bigint") });

/** The orders of a list. */
const SORTS: Readonly<Record<IssueSort, SortBy>> = {
  lastSeen: byTime("i.last_seen"),
  firstSeen: byTime("i.first_seen"),
  count: byCount("i.occurrence_count"),
  users: byCount("i.user_count"),
  sessions: byCount("i.session_count"),
  // The newest first among those of one priority.
  priority: {
    by: [RANK, "i.last_seen"],
    value: `(${RANK} * ${RANK_STEP} + ${MICROS("i.last_seen")})`,
    after: `$18::bigint / ${RANK_STEP}, ${FROM_MICROS(`($18::bigint % ${RANK_STEP})`)}`,
  },
};

/** The conditions of a list of one project; the placeholders are those of {@link valuesOf}. */
const WHERE = `i.project_id = wanted.project_id AND i.merged_into IS NULL
  AND ($2::text IS NULL OR i.search LIKE $2 OR i.number = $15::integer AND p.slug LIKE $16)
  AND ($3::text[] IS NULL OR ${STATUS} = ANY($3))
  AND ($4::text[] IS NULL OR i.level = ANY($4))
  AND ($5::text IS NULL OR CASE $5 WHEN 'none' THEN i.assignee_id IS NULL WHEN 'user' THEN i.assignee_id = $6::integer
       ELSE lower(u.email) = lower($7::text) END)
  AND ($8::text IS NULL AND $9::text IS NULL OR EXISTS (
       SELECT FROM issue_releases r WHERE r.issue_id = i.issue_id AND ($8 IS NULL OR r.release = $8) AND ($9 IS NULL OR r.environment = $9)))
  AND ($10::jsonb IS NULL OR EXISTS (SELECT FROM occurrences o WHERE o.issue_id = i.issue_id AND o.tags @> $10))
  AND ($11::boolean IS NULL OR (${PROMOTED}) = $11)
  AND ($12::boolean IS NULL OR (i.session_count > 0) = $12)
  AND ($13::float8 IS NULL OR i.last_seen >= to_timestamp($13 / 1000.0))
  AND ($14::float8 IS NULL OR i.first_seen < to_timestamp($14 / 1000.0))`;

/** One page of the list. */
export async function listIssues(
  db: Queryable,
  projectIds: readonly number[],
  filter: IssueFilter,
  now: number,
): Promise<{ issues: IssueSummary[]; next: IssueCursor | null }> {
  const { by, value, after } = SORTS[filter.sort];
  const order = `${by.map((column) => `${column} DESC`).join(", ")}, i.issue_id DESC`;
  // The page first, by as little as it takes, each project by its own index; then what is shown of it.
  const rows = await db.query<IssueRow & { sort_value: number }>(
    `WITH page AS MATERIALIZED (
       SELECT one.* FROM unnest($1::integer[]) AS wanted (project_id) CROSS JOIN LATERAL (
         SELECT i.issue_id, ${value} AS sort_value FROM ${ISSUE_TABLES}
         WHERE ${WHERE} AND ($18::bigint IS NULL OR (${by.join(", ")}, i.issue_id) < (${after}, $19::bigint))
         ORDER BY ${order} LIMIT $17
       ) AS one ORDER BY sort_value DESC, issue_id DESC LIMIT $17
     )
     SELECT ${ISSUE_COLUMNS}, page.sort_value FROM page, ${ISSUE_TABLES}
     WHERE i.issue_id = page.issue_id ORDER BY page.sort_value DESC, i.issue_id DESC`,
    [...valuesOf(projectIds, filter), filter.limit + 1, filter.after?.value ?? null, filter.after?.issueId ?? null],
  );
  const page = rows.slice(0, filter.limit);
  const last = rows.length > filter.limit ? page.at(-1) : undefined;
  const trends = await readTrends(
    db,
    page.map(({ issueId }) => issueId),
    now,
  );
  return {
    issues: page.map(({ sort_value: _value, ...row }) => toIssue(row, trends.get(row.issueId) ?? noTrend())),
    next: last ? { value: last.sort_value, issueId: last.issueId } : null,
  };
}

/** How many issues the whole list has, up to a bound. */
export async function countIssues(db: Queryable, projectIds: readonly number[], filter: IssueFilter): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `SELECT count(*) AS count FROM (
       SELECT FROM unnest($1::integer[]) AS wanted (project_id), ${ISSUE_TABLES} WHERE ${WHERE} LIMIT ${MAX_TOTAL}) AS found`,
    valuesOf(projectIds, filter),
  );
  return row?.count ?? 0;
}

/** Issues by their ids, with their trends, in no order. */
export async function readIssues(db: Queryable, issueIds: readonly number[], now: number): Promise<IssueSummary[]> {
  const rows = await db.query<IssueRow>(`SELECT ${ISSUE_COLUMNS} FROM ${ISSUE_TABLES} WHERE i.issue_id = ANY($1::bigint[])`, [
    issueIds,
  ]);
  const trends = await readTrends(db, issueIds, now);
  return rows.map((row) => toIssue(row, trends.get(row.issueId) ?? noTrend()));
}

/** What a project's issues did in the last hours. */
export interface IssueStats {
  hours: { at: number; count: number }[];
  /** Occurrences in these hours. */
  occurrences: number;
  open: number;
  resolved: number;
  ignored: number;
  muted: number;
  /** Issues that were first seen in these hours. */
  new: number;
  /** Issues that came back in these hours. */
  regressed: number;
  promoted: number;
}

/** Counts by the hour, oldest first, and by state. */
export async function readStats(db: Queryable, projectIds: readonly number[], hours: number, now: number): Promise<IssueStats> {
  const from = Math.floor(now / HOUR_MS) * HOUR_MS - (hours - 1) * HOUR_MS;
  const counts = await db.query<{ at: number; count: number }>(
    `SELECT (extract(epoch FROM h.hour) * 1000)::float8 AS at, sum(h.count)::bigint AS count
     FROM issue_hours h JOIN issues i ON i.issue_id = h.issue_id
     WHERE i.project_id = ANY($1::integer[]) AND i.merged_into IS NULL AND h.hour >= to_timestamp($2 / 1000.0)
     GROUP BY h.hour`,
    [projectIds, from],
  );
  const [states] = await db.query<Omit<IssueStats, "hours" | "occurrences">>(
    `SELECT count(*) FILTER (WHERE ${STATUS} = 'open') AS open, count(*) FILTER (WHERE ${STATUS} = 'resolved') AS resolved,
       count(*) FILTER (WHERE ${STATUS} = 'ignored') AS ignored, count(*) FILTER (WHERE ${STATUS} = 'muted') AS muted,
       count(*) FILTER (WHERE i.first_seen >= to_timestamp($2 / 1000.0)) AS new,
       count(*) FILTER (WHERE i.regressed_at >= to_timestamp($2 / 1000.0)) AS regressed,
       count(*) FILTER (WHERE ${PROMOTED}) AS promoted
     FROM issues i JOIN projects p ON p.id = i.project_id AND p.removed_at IS NULL
     WHERE i.project_id = ANY($1::integer[]) AND i.merged_into IS NULL`,
    [projectIds, from],
  );
  const byHour = new Map(counts.map(({ at, count }) => [at, count]));
  const all = Array.from({ length: hours }, (_, index) => {
    const at = from + index * HOUR_MS;
    return { at, count: byHour.get(at) ?? 0 };
  });
  const none = { open: 0, resolved: 0, ignored: 0, muted: 0, new: 0, regressed: 0, promoted: 0 };
  return { hours: all, occurrences: all.reduce((sum, { count }) => sum + count, 0), ...(states ?? none) };
}

/** Occurrences of each issue in each of the last 24 hours, oldest first. */
async function readTrends(db: Queryable, issueIds: readonly number[], now: number): Promise<ReadonlyMap<number, number[]>> {
  const from = Math.floor(now / HOUR_MS) * HOUR_MS - (TREND_HOURS - 1) * HOUR_MS;
  const rows = await db.query<{ issueId: number; at: number; count: number }>(
    `SELECT issue_id AS "issueId", (extract(epoch FROM hour) * 1000)::float8 AS at, count FROM issue_hours
     WHERE issue_id = ANY($1::bigint[]) AND hour >= to_timestamp($2 / 1000.0)`,
    [issueIds, from],
  );
  const trends = new Map<number, number[]>();
  for (const { issueId, at, count } of rows) {
    const trend = trends.get(issueId) ?? noTrend();
    const index = (at - from) / HOUR_MS;
    if (index < TREND_HOURS) trend[index] = count;
    trends.set(issueId, trend);
  }
  return trends;
}

function noTrend(): number[] {
  return Array.from({ length: TREND_HOURS }, () => 0);
}

function valuesOf(projectIds: readonly number[], filter: IssueFilter): unknown[] {
  const { assignee } = filter;
  const short = /^(?:([a-z0-9-]{1,63})-)?(\d{1,9})$/i.exec(filter.q?.trim().toLowerCase() ?? "");
  const part = filter.q === null ? null : `%${filter.q.toLowerCase().replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
  return [
    projectIds,
    part,
    filter.statuses,
    filter.levels,
    assignee?.kind ?? null,
    assignee?.kind === "user" ? assignee.userId : null,
    assignee?.kind === "email" ? assignee.email : null,
    filter.release,
    filter.environment,
    filter.tag === null ? null : JSON.stringify(filter.tag),
    filter.isPromoted,
    filter.hasSession,
    filter.from,
    filter.to,
    short?.[2] ?? null,
    short ? `%${short[1] ?? ""}` : null,
  ];
}
