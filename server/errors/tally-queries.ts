/** Every statement about counts of items and of SDKs' sessions, and about who sent when. */

import type { Queryable } from "../db/db.ts";
import type { ItemCount, ReleaseCount, SessionCounts, Source } from "./tallies.ts";

/** Adds to the counts of items. */
export async function saveItemCounts(tx: Queryable, counts: readonly ItemCount[]): Promise<void> {
  if (counts.length === 0) return;
  // In one order everywhere, so that two processes that save at once cannot wait for each other.
  await tx.query(
    `INSERT INTO intake_hours AS h (project_id, hour, category, outcome, reason, count)
     SELECT project_id, to_timestamp(hour / 1000.0), category, outcome, reason, count
     FROM unnest($1::integer[], $2::float8[], $3::text[], $4::text[], $5::text[], $6::bigint[])
       AS t (project_id, hour, category, outcome, reason, count)
     ORDER BY 1, 2, 3, 4, 5
     ON CONFLICT (project_id, hour, category, outcome, reason) DO UPDATE SET count = h.count + excluded.count`,
    [
      counts.map((one) => one.projectId),
      counts.map((one) => one.hour),
      counts.map((one) => one.category),
      counts.map((one) => one.outcome),
      counts.map((one) => one.reason),
      counts.map((one) => one.count),
    ],
  );
}

/** Adds to the counts of sessions. */
export async function saveReleaseCounts(tx: Queryable, counts: readonly ReleaseCount[]): Promise<void> {
  if (counts.length === 0) return;
  await tx.query(
    `INSERT INTO release_hours AS r (project_id, hour, release, environment, sessions, errored, crashed, abnormal)
     SELECT project_id, to_timestamp(hour / 1000.0), release, environment, sessions, errored, crashed, abnormal
     FROM unnest($1::integer[], $2::float8[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
       AS t (project_id, hour, release, environment, sessions, errored, crashed, abnormal)
     ORDER BY 1, 2, 3, 4
     ON CONFLICT (project_id, hour, release, environment) DO UPDATE SET sessions = r.sessions + excluded.sessions,
       errored = r.errored + excluded.errored, crashed = r.crashed + excluded.crashed, abnormal = r.abnormal + excluded.abnormal`,
    [
      counts.map((one) => one.projectId),
      counts.map((one) => one.hour),
      counts.map((one) => one.release),
      counts.map((one) => one.environment),
      counts.map((one) => one.sessions),
      counts.map((one) => one.errored),
      counts.map((one) => one.crashed),
      counts.map((one) => one.abnormal),
    ],
  );
}

/** Notes when projects had something. An SDK that does not say who it is leaves the last one's name. */
export async function saveSources(tx: Queryable, sources: readonly Source[]): Promise<void> {
  if (sources.length === 0) return;
  await tx.query(
    `INSERT INTO intake_sources AS s (project_id, first_event_at, last_event_at, sdk_name, sdk_version)
     SELECT project_id, to_timestamp(first_at / 1000.0), to_timestamp(last_at / 1000.0), sdk_name, sdk_version
     FROM unnest($1::integer[], $2::float8[], $3::float8[], $4::text[], $5::text[])
       AS t (project_id, first_at, last_at, sdk_name, sdk_version)
     ORDER BY 1
     ON CONFLICT (project_id) DO UPDATE SET
       first_event_at = least(s.first_event_at, excluded.first_event_at),
       last_event_at = greatest(s.last_event_at, excluded.last_event_at),
       sdk_version = CASE WHEN excluded.sdk_name = '' THEN s.sdk_version ELSE excluded.sdk_version END,
       sdk_name = CASE WHEN excluded.sdk_name = '' THEN s.sdk_name ELSE excluded.sdk_name END`,
    [
      sources.map((one) => one.projectId),
      sources.map((one) => one.firstAt),
      sources.map((one) => one.lastAt),
      sources.map((one) => one.sdk?.name ?? ""),
      sources.map((one) => one.sdk?.version ?? ""),
    ],
  );
}

/** Forgets counts of before `countsFrom`, and marks of spool files that nobody has poured since `marksFrom`. */
export async function forgetOldCounts(db: Queryable, countsFrom: number, marksFrom: number): Promise<void> {
  await db.query("DELETE FROM intake_hours WHERE hour < to_timestamp($1 / 1000.0)", [countsFrom]);
  await db.query("DELETE FROM release_hours WHERE hour < to_timestamp($1 / 1000.0)", [countsFrom]);
  await db.query("DELETE FROM spool_marks WHERE at < to_timestamp($1 / 1000.0)", [marksFrom]);
}

/** How many items of each category a project has had accepted since a moment. */
export async function readAcceptedSince(db: Queryable, projectId: number, from: number): Promise<ReadonlyMap<string, number>> {
  const rows = await db.query<{ category: string; count: number }>(
    `SELECT category, sum(count)::bigint AS count FROM intake_hours
     WHERE project_id = $1 AND hour >= to_timestamp($2 / 1000.0) AND outcome = 'accepted' GROUP BY category`,
    [projectId, from],
  );
  return new Map(rows.map(({ category, count }) => [category, count]));
}

/** What `GET /v1/projects/:id/intake` shows. */
export interface IntakeReport {
  firstEventAt: number | null;
  lastEventAt: number | null;
  lastSdk: { name: string; version: string } | null;
  /** When the first session of a tracker began; null for none. */
  firstSessionAt: number | null;
  /** Rows that wait to be digested, and those that were given up. */
  waiting: number;
  dead: number;
  acceptedByCategory: Record<string, number>;
  dropped: { category: string; outcome: string; reason: string; count: number }[];
  releases: ({ release: string; environment: string } & SessionCounts)[];
}

/** What came since `from`, and how it went. */
export async function readIntakeReport(db: Queryable, projectId: number, from: number): Promise<IntakeReport> {
  const [sources, counts, releases, waiting, sessions] = await Promise.all([
    db.query<{ first_at: number; last_at: number; name: string; version: string }>(
      `SELECT floor(extract(epoch FROM first_event_at) * 1000)::float8 AS first_at,
         floor(extract(epoch FROM last_event_at) * 1000)::float8 AS last_at, sdk_name AS name, sdk_version AS version
       FROM intake_sources WHERE project_id = $1`,
      [projectId],
    ),
    db.query<{ category: string; outcome: string; reason: string; count: number }>(
      `SELECT category, outcome, reason, sum(count)::bigint AS count FROM intake_hours
       WHERE project_id = $1 AND hour >= to_timestamp($2 / 1000.0) GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3`,
      [projectId, from],
    ),
    db.query<{ release: string; environment: string } & SessionCounts>(
      `SELECT release, environment, sum(sessions)::bigint AS sessions, sum(errored)::bigint AS errored,
         sum(crashed)::bigint AS crashed, sum(abnormal)::bigint AS abnormal FROM release_hours
       WHERE project_id = $1 AND hour >= to_timestamp($2 / 1000.0) GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 100`,
      [projectId, from],
    ),
    db.query<{ waiting: number; dead: number }>(
      `SELECT count(*) FILTER (WHERE dead_at IS NULL) AS waiting, count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead
       FROM intake WHERE project_id = $1`,
      [projectId],
    ),
    db.query<{ at: number | null }>(
      "SELECT floor(extract(epoch FROM min(started_at)) * 1000)::float8 AS at FROM sessions WHERE project_id = $1",
      [projectId],
    ),
  ]);
  const [source] = sources;
  return {
    firstEventAt: source?.first_at ?? null,
    lastEventAt: source?.last_at ?? null,
    lastSdk: source && source.name !== "" ? { name: source.name, version: source.version } : null,
    firstSessionAt: sessions[0]?.at ?? null,
    waiting: waiting[0]?.waiting ?? 0,
    dead: waiting[0]?.dead ?? 0,
    acceptedByCategory: Object.fromEntries(
      counts.filter(({ outcome }) => outcome === "accepted").map(({ category, count }) => [category, count]),
    ),
    dropped: counts.filter(({ outcome }) => outcome !== "accepted"),
    releases,
  };
}
