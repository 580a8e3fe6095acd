/** Statements that say why an occurrence is in its issue, and what a dry run goes through. */

import type { Digested } from "../digested.ts";
import type { Queryable } from "../db/db.ts";
import { OCCURRENCE_COLUMNS } from "./detail-queries.ts";
import type { Key, KeyPart } from "./keys.ts";
import { shortIdOf } from "./titles.ts";

const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

/** A stored occurrence with what grouping reads of it, and the key by which it came into its issue. */
export interface StoredOccurrence extends Digested {
  issueId: number;
  mechanism: string;
  hash: string;
}

/** Of the detail only what grouping goes by: breadcrumbs and contexts are large. */
const DETAIL = `jsonb_build_object('exceptions', coalesce(detail -> 'exceptions', '[]'), 'frames', coalesce(detail -> 'frames', '[]'),
  'template', coalesce(detail -> 'template', '""'), 'fingerprint', coalesce(detail -> 'fingerprint', '[]'), 'breadcrumbs', '[]'::jsonb, 'request', null, 'user', null, 'contexts', '{}'::jsonb, 'sdk', null,
  'serverName', '', 'dist', '', 'traceId', '', 'replayId', '', 'notes', '[]'::jsonb) AS detail`;
const COLUMNS = `${OCCURRENCE_COLUMNS}, ${DETAIL}, mechanism, coalesce(encode(key_hash, 'hex'), '') AS hash`;

/** One occurrence of these projects, or null. */
export async function findStored(
  db: Queryable,
  errorId: string,
  projectIds: readonly number[],
): Promise<StoredOccurrence | null> {
  if (!UUID.test(errorId)) return null;
  const rows = await db.query<StoredOccurrence>(
    `SELECT ${COLUMNS} FROM occurrences WHERE error_id = $1::uuid AND project_id = ANY($2::integer[])`,
    [errorId, projectIds],
  );
  return rows[0] ?? null;
}

/** Where a key leads. */
export interface KeyRow {
  mechanism: string;
  hash: string;
  parts: readonly KeyPart[];
  issueId: number;
  shortId: string;
  isByHand: boolean;
  /** The merged issue that it was made for; null for none. */
  madeFor: string | null;
}

/** Those of the keys that lead somewhere in a project. */
export async function readKeyRows(
  db: Queryable,
  projectId: number,
  keys: readonly Pick<Key, "mechanism" | "hash">[],
): Promise<KeyRow[]> {
  return keyRows(
    db,
    `JOIN unnest($2::text[], $3::text[]) AS wanted (mechanism, hash)
       ON g.mechanism = wanted.mechanism AND g.key_hash = decode(wanted.hash, 'hex') WHERE g.project_id = $1`,
    [projectId, keys.map(({ mechanism }) => mechanism), keys.map(({ hash }) => hash)],
  );
}

/** The keys that lead to an issue, oldest first; at most `limit`. */
export async function listKeyRows(db: Queryable, issueId: number, limit: number): Promise<KeyRow[]> {
  return keyRows(db, "WHERE g.issue_id = $1 ORDER BY g.created_at, g.mechanism, g.key_hash LIMIT $2", [issueId, limit]);
}

async function keyRows(db: Queryable, where: string, values: readonly unknown[]): Promise<KeyRow[]> {
  const rows = await db.query<Omit<KeyRow, "shortId" | "madeFor"> & { slug: string; number: number; made: number | null }>(
    `SELECT g.mechanism, encode(g.key_hash, 'hex') AS hash, g.key AS parts, g.issue_id AS "issueId", p.slug, i.number,
       g.by_hand AS "isByHand", m.number AS made
     FROM groupings g JOIN issues i ON i.issue_id = g.issue_id JOIN projects p ON p.id = g.project_id
     LEFT JOIN issues m ON m.issue_id = g.made_for ${where}`,
    values,
  );
  return rows.map(({ slug, number, made, ...row }) => ({
    ...row,
    shortId: shortIdOf(slug, number),
    madeFor: made === null ? null : shortIdOf(slug, made),
  }));
}

/** Occurrences that stand for all that are equal to them for grouping: the newest of each key, route, type and kind of words. */
export interface Sample {
  errorId: string;
  count: number;
}

/** The samples of a project's newest occurrences, oldest first, and how many occurrences they stand for. */
export async function listSamples(db: Queryable, projectId: number, newest: number, limit: number): Promise<Sample[]> {
  return db.query<Sample>(
    `WITH recent AS (
       SELECT error_id, received_at, issue_id, mechanism, key_hash, transaction FROM occurrences
       WHERE project_id = $1 ORDER BY received_at DESC LIMIT $2
     )
     SELECT (array_agg(error_id ORDER BY received_at DESC))[1] AS "errorId", count(*) AS count
     FROM recent GROUP BY issue_id, mechanism, key_hash, transaction ORDER BY min(received_at) LIMIT $3`,
    [projectId, newest, limit],
  );
}

/** Occurrences of a project by their ids, in no order. */
export async function readStored(db: Queryable, projectId: number, errorIds: readonly string[]): Promise<StoredOccurrence[]> {
  return db.query<StoredOccurrence>(`SELECT ${COLUMNS} FROM occurrences WHERE project_id = $1 AND error_id = ANY($2::uuid[])`, [
    projectId,
    errorIds,
  ]);
}
