/** Statements about keys, and the issues that they begin. */

import type { Queryable } from "../db/db.ts";
import type { Key } from "./keys.ts";

/** Serialises what changes the keys of a project: new ones, merges and splits. */
const KEYS_LOCK = 7_420_012;

/** A key of a project. */
export interface ProjectKey {
  projectId: number;
  key: Key;
}

/** A key that is stored. */
export interface StoredKey {
  projectId: number;
  mechanism: string;
  hash: string;
  issueId: number;
  isByHand: boolean;
  /** The issue that it led to before a merge; null while it leads there. */
  madeFor: number | null;
  /** Whether its issue has keys by the place. */
  isPlaced: boolean;
}

/** Those of the keys that lead somewhere. */
export async function readKeys(tx: Queryable, keys: readonly ProjectKey[]): Promise<StoredKey[]> {
  return tx.query<StoredKey>(
    `SELECT g.project_id AS "projectId", g.mechanism, encode(g.key_hash, 'hex') AS hash, g.issue_id AS "issueId",
       g.by_hand AS "isByHand", g.made_for AS "madeFor",
       EXISTS (SELECT FROM groupings p WHERE p.issue_id = g.issue_id AND p.mechanism = 'frames1') AS "isPlaced"
     FROM unnest($1::integer[], $2::text[], $3::text[]) AS wanted (project_id, mechanism, hash)
     JOIN groupings g ON g.project_id = wanted.project_id AND g.mechanism = wanted.mechanism AND g.key_hash = decode(wanted.hash, 'hex')`,
    [keys.map(({ projectId }) => projectId), keys.map(({ key }) => key.mechanism), keys.map(({ key }) => key.hash)],
  );
}

/** The issue to which each of the keys leads, in their order; null for none. */
export async function readTargets(tx: Queryable, keys: readonly ProjectKey[]): Promise<(number | null)[]> {
  const rows = await tx.query<{ issueId: number | null }>(
    `SELECT g.issue_id AS "issueId"
     FROM unnest($1::integer[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (project_id, mechanism, hash, place)
     LEFT JOIN groupings g
       ON g.project_id = wanted.project_id AND g.mechanism = wanted.mechanism AND g.key_hash = decode(wanted.hash, 'hex')
     ORDER BY wanted.place`,
    [keys.map(({ projectId }) => projectId), keys.map(({ key }) => key.mechanism), keys.map(({ key }) => key.hash)],
  );
  return rows.map(({ issueId }) => issueId);
}

/** Nobody else makes or moves keys of these projects until the transaction ends. */
export async function lockKeys(tx: Queryable, projectIds: Iterable<number>): Promise<void> {
  const ids = [...new Set(projectIds)].sort((a, b) => a - b);
  for (const id of ids) await tx.query("SELECT pg_advisory_xact_lock($1, $2)", [KEYS_LOCK, id]);
}

/** An issue to begin. */
export interface NewIssue {
  projectId: number;
  title: string;
  type: string;
  value: string;
  culprit: string;
  level: string;
  platform: string;
  /** Epoch milliseconds. */
  firstSeen: number;
  release: string;
}

/** Begins issues, each with the next number of its project. Under the lock of its keys. */
export async function insertIssues(tx: Queryable, issues: readonly NewIssue[]): Promise<{ issueId: number; number: number }[]> {
  if (issues.length === 0) return [];
  return tx.query(
    `WITH wanted AS (
       SELECT w.*, row_number() OVER (PARTITION BY "projectId" ORDER BY place) AS nth
       FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (
         "projectId" integer, title text, type text, value text, culprit text, level text, platform text, "firstSeen" float8, release text
       )) WITH ORDINALITY AS w ("projectId", title, type, value, culprit, level, platform, "firstSeen", release, place)
     ), numbers AS (
       INSERT INTO issue_numbers AS n (project_id, last)
       SELECT "projectId", count(*) FROM wanted GROUP BY "projectId" ORDER BY "projectId"
       ON CONFLICT (project_id) DO UPDATE SET last = n.last + excluded.last
       RETURNING n.project_id, n.last
     ), made AS (
       INSERT INTO issues (project_id, number, title, type, value, culprit, level, platform, first_seen, last_seen, first_release)
       SELECT w."projectId", n.last - (SELECT count(*) FROM wanted c WHERE c."projectId" = w."projectId") + w.nth, title, type, value,
         culprit, level, platform, to_timestamp("firstSeen" / 1000.0), to_timestamp("firstSeen" / 1000.0), release
       FROM wanted w JOIN numbers n ON n.project_id = w."projectId" ORDER BY place
       RETURNING issue_id, project_id, number
     )
     SELECT m.issue_id AS "issueId", m.number FROM made m
     JOIN numbers n ON n.project_id = m.project_id
     JOIN wanted w ON w."projectId" = m.project_id
       AND m.number = n.last - (SELECT count(*) FROM wanted c WHERE c."projectId" = w."projectId") + w.nth
     ORDER BY w.place`,
    [JSON.stringify(issues)],
  );
}

/** Notes that keys lead to issues. Under the lock of their projects; a key that leads somewhere stays. */
export async function insertKeys(
  tx: Queryable,
  keys: readonly (ProjectKey & { issueId: number; madeFor: number | null })[],
): Promise<void> {
  if (keys.length === 0) return;
  await tx.query(
    `INSERT INTO groupings (project_id, mechanism, key_hash, key, issue_id, made_for)
     SELECT project_id, mechanism, decode(hash, 'hex'), key, issue_id, made_for
     FROM jsonb_to_recordset($1::jsonb)
       AS k (project_id integer, mechanism text, hash text, key jsonb, issue_id bigint, made_for bigint)
     ON CONFLICT DO NOTHING`,
    [
      JSON.stringify(
        keys.map(({ projectId, key, issueId, madeFor }) => ({
          project_id: projectId,
          mechanism: key.mechanism,
          hash: key.hash,
          key: key.parts,
          issue_id: issueId,
          made_for: madeFor,
        })),
      ),
    ],
  );
}
