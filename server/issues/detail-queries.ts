/** Statements that read one issue: its tags, releases, sessions, occurrences, and the occurrence whose clip tells most. */

import type { IssueDetail, TagCount } from "../../protocol/issue.ts";
import type { OccurrenceSummary } from "../../protocol/occurrence.ts";
import type { Queryable } from "../db/db.ts";
import { shortIdOf } from "./titles.ts";

/** Newest occurrences whose tags are counted. */
const COUNTED_OCCURRENCES = 2_000;
const MAX_TAG_NAMES = 50;
const MAX_TAG_VALUES = 10;
const MAX_RELEASES = 100;
const MAX_SESSIONS = 200;
/** Newest occurrences among which the most telling one is looked for. */
const MAX_TELLING = 100;
/** What a clip shows before the error, at least, to tell how it came. */
const ENOUGH_BEFORE_MS = 10_000;

const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** Where an issue is, by its id. */
export interface IssuePlace {
  issueId: number;
  projectId: number;
}

/**
 * The issue with this number or short id, of these projects, or null. One that was merged into another leads there.
 */
export async function findIssue(db: Queryable, id: string, projectIds: readonly number[]): Promise<IssuePlace | null> {
  const number = /^[1-9]\d{0,14}$/.test(id) ? Number(id) : null;
  const short = /^([a-z0-9][a-z0-9-]{0,62})-([1-9]\d{0,8})$/i.exec(id);
  if (number === null && !short) return null;
  const rows = await db.query<IssuePlace>(
    `WITH RECURSIVE found AS (
       SELECT i.issue_id, i.project_id, i.merged_into FROM issues i JOIN projects p ON p.id = i.project_id AND p.removed_at IS NULL
       WHERE i.project_id = ANY($1::integer[])
         AND CASE WHEN $2::bigint IS NOT NULL THEN i.issue_id = $2 ELSE p.slug = $3 AND i.number = $4::integer END
       UNION SELECT i.issue_id, i.project_id, i.merged_into FROM found f JOIN issues i ON i.issue_id = f.merged_into
     ) SELECT issue_id AS "issueId", project_id AS "projectId" FROM found WHERE merged_into IS NULL LIMIT 1`,
    [projectIds, number, short?.[1]?.toLowerCase() ?? null, short?.[2] ?? null],
  );
  return rows[0] ?? null;
}

/** Tags of the newest occurrences, and the environments of all, most frequent first. */
export async function readTags(db: Queryable, issueId: number): Promise<TagCount[]> {
  const rows = await db.query<{ name: string; value: string; count: number }>(
    `SELECT t.key AS name, t.value, count(*) AS count
     FROM (SELECT tags FROM occurrences WHERE issue_id = $1 ORDER BY received_at DESC, error_id DESC LIMIT ${COUNTED_OCCURRENCES}) o
     CROSS JOIN LATERAL jsonb_each_text(o.tags) t GROUP BY t.key, t.value
     UNION ALL
     SELECT 'environment', environment, sum(count)::bigint FROM issue_releases WHERE issue_id = $1 AND environment <> '' GROUP BY environment
     ORDER BY count DESC, name, value LIMIT 5000`,
    [issueId],
  );
  const tags = new Map<string, { value: string; count: number }[]>();
  for (const { name, value, count } of rows) {
    const values = tags.get(name) ?? [];
    if (tags.size >= MAX_TAG_NAMES && values.length === 0) continue;
    if (values.length < MAX_TAG_VALUES) values.push({ value, count });
    tags.set(name, values);
  }
  return [...tags].map(([name, values]) => ({ name, values }));
}

/** Releases that it came from, newest first. */
export async function readReleases(db: Queryable, issueId: number): Promise<IssueDetail["releases"]> {
  return db.query(
    `SELECT release, sum(count)::bigint AS count, ${ms("min(first_seen)")} AS "firstSeen", ${ms("max(last_seen)")} AS "lastSeen"
     FROM issue_releases WHERE issue_id = $1 AND release <> '' GROUP BY release
     ORDER BY max(last_seen) DESC, release LIMIT ${MAX_RELEASES}`,
    [issueId],
  );
}

/** Issues that were merged into this one. */
export async function readMerged(db: Queryable, issueId: number): Promise<IssueDetail["merged"]> {
  const rows = await db.query<{ issueId: number; slug: string; number: number; title: string }>(
    `SELECT i.issue_id AS "issueId", p.slug, i.number, i.title FROM issues i JOIN projects p ON p.id = i.project_id
     WHERE i.merged_into = $1 ORDER BY i.number`,
    [issueId],
  );
  return rows.map(({ slug, number, ...row }) => ({ ...row, shortId: shortIdOf(slug, number) }));
}

/** A session that an issue hit. */
export interface IssueSession {
  sessionId: string;
  count: number;
  lastAt: number;
  live: boolean;
  userId: string | null;
  /** Whether there is something to play. */
  isStored: boolean;
}

/** Sessions that it hit, those that can be played first, and the newest of them. */
export async function readSessions(db: Queryable, { issueId, projectId }: IssuePlace): Promise<IssueSession[]> {
  return db.query(
    `SELECT n.session_id AS "sessionId", n.count, ${ms("n.last_at")} AS "lastAt", coalesce(s.status = 'live', false) AS live,
       s.user_id AS "userId", s.session_id IS NOT NULL AS "isStored"
     FROM issue_sessions n LEFT JOIN sessions s ON s.session_id = n.session_id AND s.project_id = $2
     WHERE n.issue_id = $1 ORDER BY s.session_id IS NULL, n.last_at DESC, n.session_id LIMIT ${MAX_SESSIONS}`,
    [issueId, projectId],
  );
}

/** The place after one occurrence in a list, newest first. */
export interface OccurrenceCursor {
  micros: number;
  errorId: string;
}

/** The columns of a summary. */
export const OCCURRENCE_COLUMNS = `error_id AS "errorId", issue_id AS "issueId", project_id AS "projectId", event_id AS "eventId", source,
  ${ms("received_at")} AS "receivedAt", at, session_id AS "sessionId", tab, user_id AS "userId", level, type, message, culprit,
  transaction, release, environment, platform, url, tags`;

/** One page of the occurrences of an issue. */
export async function listOccurrences(
  db: Queryable,
  issueId: number,
  after: OccurrenceCursor | null,
  limit: number,
): Promise<{ occurrences: OccurrenceSummary[]; next: OccurrenceCursor | null }> {
  const rows = await db.query<OccurrenceSummary & { micros: number }>(
    `SELECT ${OCCURRENCE_COLUMNS}, (extract(epoch FROM received_at) * 1000000)::bigint AS micros
     FROM occurrences
     WHERE issue_id = $1 AND ($2::bigint IS NULL
       OR (received_at, error_id) < (timestamptz 'epoch' + $2::bigint * interval '1 microsecond', $3::uuid))
     ORDER BY received_at DESC, error_id DESC LIMIT $4`,
    [issueId, after?.micros ?? null, after?.errorId ?? null, limit + 1],
  );
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return {
    occurrences: page.map(({ micros: _micros, ...row }) => row),
    next: last ? { micros: last.micros, errorId: last.errorId } : null,
  };
}

/** The cursor as clients carry it. */
export function writeOccurrenceCursor({ micros, errorId }: OccurrenceCursor): string {
  return Buffer.from(`${micros} ${errorId}`).toString("base64url");
}

/** The same, read; undefined for what is none. */
export function readOccurrenceCursor(text: string): OccurrenceCursor | undefined {
  const [micros = "", errorId = ""] = Buffer.from(text.slice(0, 256), "base64url").toString().split(" ");
  return /^\d{1,16}$/.test(micros) && UUID.test(errorId) ? { micros: Number(micros), errorId } : undefined;
}

/**
 * The occurrence whose clip shows most: of a session that is stored and that the page was in view of, with ten seconds before it; and of
 * these the newest. Null with the reason where there is none.
 */
export async function readTelling(
  db: Queryable,
  { issueId, projectId }: IssuePlace,
): Promise<Pick<IssueDetail, "telling" | "noClipReason">> {
  const [found] = await db.query<{ errorId: string; sessionId: string; at: number }>(
    `SELECT o.error_id AS "errorId", o.session_id AS "sessionId", o.at
     FROM (SELECT error_id, session_id, tab, at, received_at, detail -> 'contexts' -> 'page' ->> 'visibility' AS visibility
           FROM occurrences WHERE issue_id = $1 AND session_id IS NOT NULL
           ORDER BY received_at DESC, error_id DESC LIMIT ${MAX_TELLING}) o
     JOIN sessions s ON s.session_id = o.session_id AND s.project_id = $2
     ORDER BY o.visibility IS NOT DISTINCT FROM 'hidden', o.tab IS NULL,
       o.at - extract(epoch FROM s.started_at) * 1000 < ${ENOUGH_BEFORE_MS}, o.received_at DESC
     LIMIT 1`,
    [issueId, projectId],
  );
  if (found) return { telling: found, noClipReason: "" };
  const [facts] = await db.query<{ stored: number; sessions: number }>(
    `SELECT (SELECT count(*) FROM (SELECT FROM occurrences WHERE issue_id = $1 LIMIT 1) o) AS stored,
       (SELECT count(*) FROM (SELECT FROM issue_sessions WHERE issue_id = $1 LIMIT 1) s) AS sessions`,
    [issueId],
  );
  if ((facts?.stored ?? 0) === 0) return { telling: null, noClipReason: "Its occurrences are older than what is kept." };
  if ((facts?.sessions ?? 0) === 0)
    return {
      telling: null,
      noClipReason: "None of its occurrences came with a session: they were reported without our tracker.",
    };
  return { telling: null, noClipReason: "The sessions that it hit are not stored: never recorded, too old, or erased." };
}
