/** Statements that write a group of occurrences and count them; each takes the whole group. */

import { setImmediate } from "node:timers/promises";
import type { IssueStatus } from "../../protocol/issue.ts";
import type { Digested } from "../digested.ts";
import type { Queryable } from "../db/db.ts";
import type { Placed } from "./find-issues.ts";

/** The event loop is given to others after so much work. */
const MAX_BUSY_MS = 6;

/** Most releases that are kept of one issue. */
const MAX_RELEASES = 500;

/** Most releases among which the newest version is looked for. */
const KNOWN_RELEASES = 500;

/** A project, as far as its issues go. */
export interface IssueProject {
  id: number;
  slug: string;
  settings: unknown;
}

/** Those of the projects that are there. */
export async function readIssueProjects(tx: Queryable, ids: readonly number[]): Promise<IssueProject[]> {
  return tx.query<IssueProject>(
    "SELECT id, slug, issue_settings AS settings FROM projects WHERE id = ANY($1::integer[]) AND removed_at IS NULL",
    [ids],
  );
}

/** Which of the occurrences are written already, as `projectId eventId`. */
export async function readWritten(tx: Queryable, digested: readonly Digested[]): Promise<ReadonlySet<string>> {
  const rows = await tx.query<{ name: string }>(
    `SELECT o.project_id || ' ' || o.event_id AS name
     FROM unnest($1::integer[], $2::text[]) AS wanted (project_id, event_id)
     JOIN occurrences o ON o.project_id = wanted.project_id AND o.event_id = wanted.event_id COLLATE "C"`,
    [digested.map(({ projectId }) => projectId), digested.map(({ eventId }) => eventId)],
  );
  return new Set(rows.map(({ name }) => name));
}

/** An issue that is held until the transaction ends. */
export interface HeldIssue {
  issueId: number;
  projectId: number;
  number: number;
  title: string;
  culprit: string;
  status: IssueStatus;
  resolvedAt: number | null;
  resolvedIn: string | null;
  mutedUntil: number | null;
  mutedUntilCount: number | null;
  mutedUntilUsers: number | null;
  occurrenceCount: number;
  sessionCount: number;
  userCount: number;
  isToldPromoted: boolean;
  mergedInto: number | null;
}

/** Holds issues in the order of their ids, so that two groups never wait for one another. */
export async function holdIssues(tx: Queryable, issueIds: readonly number[]): Promise<HeldIssue[]> {
  const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;
  return tx.query<HeldIssue>(
    `SELECT issue_id AS "issueId", project_id AS "projectId", number, title, culprit, status,
       ${ms("resolved_at")} AS "resolvedAt", resolved_in AS "resolvedIn", ${ms("muted_until")} AS "mutedUntil",
       muted_until_count AS "mutedUntilCount", muted_until_users AS "mutedUntilUsers", occurrence_count AS "occurrenceCount",
       session_count AS "sessionCount", user_count AS "userCount", promoted_at IS NOT NULL AS "isToldPromoted",
       merged_into AS "mergedInto"
     FROM issues WHERE issue_id = ANY($1::bigint[]) ORDER BY issue_id FOR NO KEY UPDATE`,
    [issueIds],
  );
}

/**
 * Writes occurrences, each once.
 * @returns the error ids of those that were not there
 */
export async function insertOccurrences(tx: Queryable, placed: readonly Placed[]): Promise<ReadonlySet<string>> {
  if (placed.length === 0) return new Set();
  // By themselves: they are nine tenths of it, and would be taken apart and put together twice in there.
  const details = await written(placed.map(({ digested }) => digested.detail));
  const rows = await tx.query<{ errorId: string }>(
    `INSERT INTO occurrences
       (error_id, project_id, issue_id, event_id, source, received_at, at, session_id, tab, user_id, level, type, message, culprit,
        transaction, release, environment, platform, url, tags, detail, mechanism, key_hash)
     SELECT "errorId", "projectId", "issueId", "eventId", source, to_timestamp("receivedAt" / 1000.0), at, "sessionId", tab, "userId",
       level, type, message, culprit, transaction, release, environment, platform, url, tags, d.detail, mechanism, decode(hash, 'hex')
     FROM jsonb_to_recordset($1::jsonb) AS o (
       "index" integer,
       "errorId" uuid, "projectId" integer, "issueId" bigint, "eventId" text, source text, "receivedAt" float8, at float8,
       "sessionId" text, tab text, "userId" text, level text, type text, message text, culprit text, transaction text, release text,
       environment text, platform text, url text, tags jsonb, mechanism text, hash text)
     JOIN (VALUES ${details.map((_, index) => `(${index}, $${index + 2}::jsonb)`).join()}) AS d ("index", detail) USING ("index")
     ON CONFLICT DO NOTHING
     RETURNING error_id AS "errorId"`,
    [
      JSON.stringify(
        placed.map(({ digested, issueId, key }, index) => ({
          ...digested,
          detail: undefined,
          index,
          issueId,
          mechanism: key.mechanism,
          hash: key.hash,
        })),
      ),
      ...details,
    ],
  );
  return new Set(rows.map(({ errorId }) => errorId));
}

/** Each as JSON; the event loop is given to others in between, because a group comes to megabytes. */
async function written(values: readonly unknown[]): Promise<string[]> {
  const texts: string[] = [];
  let busyFrom = performance.now();
  for (const value of values) {
    texts.push(JSON.stringify(value));
    if (performance.now() - busyFrom < MAX_BUSY_MS) continue;
    await setImmediate();
    busyFrom = performance.now();
  }
  return texts;
}

/** What a group of occurrences adds to one issue. */
export interface IssueSum {
  issueId: number;
  count: number;
  firstAt: number;
  lastAt: number;
  lastRelease: string;
  level: string;
}

/** Counts occurrences by the hour. Of issues that are held. */
export async function addHours(tx: Queryable, rows: readonly { issueId: number; hour: number; count: number }[]): Promise<void> {
  await tx.query(
    `INSERT INTO issue_hours AS h (issue_id, hour, count)
     SELECT issue_id, to_timestamp(hour / 1000.0), count FROM unnest($1::bigint[], $2::float8[], $3::integer[]) AS n (issue_id, hour, count)
     ON CONFLICT (issue_id, hour) DO UPDATE SET count = h.count + excluded.count`,
    [rows.map(({ issueId }) => issueId), rows.map(({ hour }) => hour), rows.map(({ count }) => count)],
  );
}

/**
 * Counts occurrences by session.
 * @returns how many sessions are new to an issue
 */
export async function addSessions(
  tx: Queryable,
  rows: readonly { issueId: number; sessionId: string; lastAt: number; count: number }[],
): Promise<ReadonlyMap<number, number>> {
  if (rows.length === 0) return new Map();
  const added = await tx.query<{ issueId: number }>(
    `WITH written AS (
       INSERT INTO issue_sessions AS s (issue_id, session_id, last_at, count)
       SELECT issue_id, session_id, to_timestamp(last_at / 1000.0), count
       FROM unnest($1::bigint[], $2::text[], $3::float8[], $4::integer[]) AS n (issue_id, session_id, last_at, count)
       ON CONFLICT (issue_id, session_id) DO UPDATE
         SET count = s.count + excluded.count, last_at = greatest(s.last_at, excluded.last_at)
       RETURNING s.issue_id, (s.xmax = 0) AS is_new
     ) SELECT issue_id AS "issueId" FROM written WHERE is_new`,
    [
      rows.map(({ issueId }) => issueId),
      rows.map(({ sessionId }) => sessionId),
      rows.map(({ lastAt }) => lastAt),
      rows.map(({ count }) => count),
    ],
  );
  return countBy(added.map(({ issueId }) => issueId));
}

/** Notes users; the same. */
export async function addUsers(
  tx: Queryable,
  rows: readonly { issueId: number; userId: string }[],
): Promise<ReadonlyMap<number, number>> {
  if (rows.length === 0) return new Map();
  const added = await tx.query<{ issueId: number }>(
    `INSERT INTO issue_users (issue_id, user_id) SELECT * FROM unnest($1::bigint[], $2::text[])
     ON CONFLICT DO NOTHING RETURNING issue_id AS "issueId"`,
    [rows.map(({ issueId }) => issueId), rows.map(({ userId }) => userId)],
  );
  return countBy(added.map(({ issueId }) => issueId));
}

/** What came from one release and environment. */
export interface ReleaseSum {
  issueId: number;
  release: string;
  environment: string;
  count: number;
  firstAt: number;
  lastAt: number;
}

/** Counts occurrences by release and environment, as long as an issue has not too many of them. */
export async function addReleases(tx: Queryable, rows: readonly ReleaseSum[]): Promise<void> {
  await tx.query(
    `INSERT INTO issue_releases AS r (issue_id, release, environment, count, first_seen, last_seen)
     SELECT n.issue_id, n.release, n.environment, n.count, to_timestamp(n.first_at / 1000.0), to_timestamp(n.last_at / 1000.0)
     FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::float8[], $6::float8[])
       AS n (issue_id, release, environment, count, first_at, last_at)
     WHERE (SELECT count(*) FROM issue_releases o WHERE o.issue_id = n.issue_id) < ${MAX_RELEASES}
       OR EXISTS (SELECT FROM issue_releases o
                  WHERE o.issue_id = n.issue_id AND o.release = n.release AND o.environment = n.environment)
     ON CONFLICT (issue_id, release, environment) DO UPDATE
       SET count = r.count + excluded.count, first_seen = least(r.first_seen, excluded.first_seen),
           last_seen = greatest(r.last_seen, excluded.last_seen)`,
    [
      rows.map(({ issueId }) => issueId),
      rows.map(({ release }) => release),
      rows.map(({ environment }) => environment),
      rows.map(({ count }) => count),
      rows.map(({ firstAt }) => firstAt),
      rows.map(({ lastAt }) => lastAt),
    ],
  );
}

/** Notes releases of projects that were not heard of; those that were keep their time. */
export async function addProjectReleases(
  tx: Queryable,
  rows: readonly { projectId: number; release: string; at: number }[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `INSERT INTO project_releases (project_id, release, first_seen)
     SELECT project_id, release, to_timestamp(min(at) / 1000.0)
     FROM unnest($1::integer[], $2::text[], $3::float8[]) AS n (project_id, release, at)
     WHERE NOT EXISTS (SELECT FROM project_releases p WHERE p.project_id = n.project_id AND p.release = n.release)
     GROUP BY project_id, release ORDER BY project_id, release
     ON CONFLICT DO NOTHING`,
    [rows.map(({ projectId }) => projectId), rows.map(({ release }) => release), rows.map(({ at }) => at)],
  );
}

/**
 * When these releases of a project, and the newest of those that were known at a moment, were first heard of.
 * @param at epoch milliseconds, like what is returned; null for no moment
 */
export async function readFirstSeen(
  tx: Queryable,
  projectId: number,
  releases: readonly string[],
  at: number | null,
): Promise<Map<string, number>> {
  const rows = await tx.query<{ release: string; at: number }>(
    `SELECT release, (extract(epoch FROM first_seen) * 1000)::float8 AS at FROM project_releases
     WHERE project_id = $1 AND release = ANY($2::text[])
     UNION
     (SELECT release, (extract(epoch FROM first_seen) * 1000)::float8 FROM project_releases
      WHERE project_id = $1 AND first_seen <= to_timestamp($3 / 1000.0) ORDER BY first_seen DESC LIMIT ${KNOWN_RELEASES})`,
    [projectId, releases, at],
  );
  return new Map(rows.map(({ release, at }) => [release, at]));
}

/** What is added to an issue, and what became of it. */
export interface IssueUpdate extends IssueSum {
  sessions: number;
  users: number;
  isReopened: boolean;
  isRegression: boolean;
  isPromoted: boolean;
}

/** All of them were received before what is counted already, e.g. out of the spool. */
const IS_LATE = `to_timestamp(n."lastAt" / 1000.0) < i.last_seen`;

/** Adds to issues, and opens those that are to be opened. */
export async function updateIssues(tx: Queryable, rows: readonly IssueUpdate[], now: number): Promise<void> {
  await tx.query(
    `UPDATE issues i SET
       occurrence_count = i.occurrence_count + n.count, session_count = i.session_count + n.sessions, user_count = i.user_count + n.users,
       first_seen = least(i.first_seen, to_timestamp(n."firstAt" / 1000.0)),
       last_seen = greatest(i.last_seen, to_timestamp(n."lastAt" / 1000.0)),
       last_release = CASE WHEN n."lastRelease" = '' OR ${IS_LATE} THEN i.last_release ELSE n."lastRelease" END,
       level = CASE WHEN ${IS_LATE} THEN i.level ELSE n.level END,
       status = CASE WHEN n."isReopened" THEN 'open' ELSE i.status END,
       resolved_at = CASE WHEN n."isReopened" THEN NULL ELSE i.resolved_at END,
       resolved_in = CASE WHEN n."isReopened" THEN NULL ELSE i.resolved_in END,
       muted_until = CASE WHEN n."isReopened" THEN NULL ELSE i.muted_until END,
       muted_until_count = CASE WHEN n."isReopened" THEN NULL ELSE i.muted_until_count END,
       muted_until_users = CASE WHEN n."isReopened" THEN NULL ELSE i.muted_until_users END,
       regressed_at = CASE WHEN n."isRegression" THEN to_timestamp($2 / 1000.0) ELSE i.regressed_at END,
       promoted_at = CASE WHEN n."isPromoted" THEN coalesce(i.promoted_at, to_timestamp($2 / 1000.0)) ELSE i.promoted_at END
     FROM jsonb_to_recordset($1::jsonb) AS n (
       "issueId" bigint, count integer, "firstAt" float8, "lastAt" float8, "lastRelease" text, level text, sessions integer, users integer,
       "isReopened" boolean, "isRegression" boolean, "isPromoted" boolean)
     WHERE i.issue_id = n."issueId"`,
    [JSON.stringify(rows), now],
  );
}

function countBy(ids: readonly number[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}
