/** Statements about uploads that were read, and about what is in them. */

import type { Queryable } from "../db/db.ts";
import type { Script } from "./artifact.ts";

export type BundleState = "reading" | "ready" | "failed";

/** An upload as people see it. Times are epoch milliseconds. */
export interface Bundle {
  id: number;
  release: string;
  dist: string;
  state: BundleState;
  /** Why it could not be read. */
  fault: string | null;
  /** What of it was passed over. */
  notes: string[];
  uploadedBy: string;
  scriptCount: number;
  /** Scripts with a map. */
  mapCount: number;
  storedBytes: number;
  createdAt: number;
  lastUsedAt: number;
}

/** An artifact that may be the one that is looked for. */
export interface Candidate {
  artifactId: number;
  bundleId: number;
  url: string;
  dist: string;
  hasMap: boolean;
  fault: string | null;
}

const MAX_LISTED = 500;
/** Rows of one file name in one release: more is one name for everything. */
const MAX_CANDIDATES = 200;
const ms = (column: string) => `floor(extract(epoch FROM ${column}) * 1000)::float8`;
const BUNDLE = `bundle_id::float8 AS id, release, dist, state, fault, notes, uploaded_by AS "uploadedBy", script_count AS "scriptCount",
  map_count AS "mapCount", stored_bytes::float8 AS "storedBytes", ${ms("created_at")} AS "createdAt", ${ms("last_used_at")} AS "lastUsedAt"`;
const CANDIDATE = `a.artifact_id::float8 AS "artifactId", a.bundle_id::float8 AS "bundleId", a.url, a.dist, a.map IS NOT NULL AS "hasMap", a.fault`;

/** What an upload is written down with before it is read. */
export interface NewBundle {
  projectId: number;
  checksum: string;
  release: string;
  dist: string;
  uploadedBy: string;
}

/** The uploads of a project, newest first. */
export function listBundles(db: Queryable, projectId: number): Promise<Bundle[]> {
  return db.query(`SELECT ${BUNDLE} FROM artifact_bundles WHERE project_id = $1 ORDER BY bundle_id DESC LIMIT ${MAX_LISTED}`, [
    projectId,
  ]);
}

/** One upload; null where the project has none of this id. */
export async function readBundle(db: Queryable, projectId: number, bundleId: number): Promise<Bundle | null> {
  const [row] = await db.query<Bundle>(`SELECT ${BUNDLE} FROM artifact_bundles WHERE project_id = $1 AND bundle_id = $2`, [
    projectId,
    bundleId,
  ]);
  return row ?? null;
}

/** The scripts of an upload, by address. */
export function listArtifacts(db: Queryable, bundleId: number): Promise<object[]> {
  return db.query(
    `SELECT url, debug_id AS "debugId", map IS NOT NULL AS "hasMap", map_bytes AS "mapBytes", source_bytes AS "sourceBytes", fault
     FROM artifacts WHERE bundle_id = $1 ORDER BY url, artifact_id LIMIT 2000`,
    [bundleId],
  );
}

/** The upload of this checksum, and how long ago it was begun, or failed. */
export async function findBundle(
  db: Queryable,
  projectId: number,
  checksum: string,
): Promise<{ id: number; state: BundleState; fault: string | null; ageMs: number } | null> {
  const [row] = await db.query<{ id: number; state: BundleState; fault: string | null; ageMs: number }>(
    `SELECT bundle_id::float8 AS id, state, fault, (extract(epoch FROM now() - CASE state WHEN 'failed' THEN last_used_at ELSE created_at END) * 1000)::float8 AS "ageMs"
     FROM artifact_bundles WHERE project_id = $1 AND checksum = $2`,
    [projectId, checksum],
  );
  return row ?? null;
}

/** Writes an upload down, or begins one of the same checksum anew. Gives its id. */
export async function beginBundle(db: Queryable, bundle: NewBundle): Promise<number> {
  const [row] = await db.query<{ id: number }>(
    `INSERT INTO artifact_bundles (project_id, checksum, release, dist, uploaded_by) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (project_id, checksum) DO UPDATE SET state = 'reading', fault = NULL, created_at = now(), last_used_at = now(),
       release = excluded.release, dist = excluded.dist, uploaded_by = excluded.uploaded_by
     RETURNING bundle_id::float8 AS id`,
    [bundle.projectId, bundle.checksum, bundle.release, bundle.dist, bundle.uploadedBy],
  );
  return row?.id ?? 0;
}

/** Says that an upload could not be read. */
export async function failBundle(db: Queryable, bundleId: number, fault: string): Promise<void> {
  await db.query(
    "UPDATE artifact_bundles SET state = 'failed', fault = $2, last_used_at = now() WHERE bundle_id = $1 AND state <> 'ready'",
    [bundleId, fault],
  );
}

/**
 * Writes what was read of an upload; in a transaction of the caller's.
 * @returns false where the upload is gone, or was written already
 */
export async function fillBundle(
  tx: Queryable,
  bundleId: number,
  read: { release: string; dist: string; scripts: readonly Script[]; notes: readonly string[] },
  fileNameOf: (url: string) => string,
): Promise<boolean> {
  const stored = read.scripts.reduce((sum, { map, source }) => sum + (map?.length ?? 0) + (source?.length ?? 0), 0);
  const [bundle] = await tx.query<{ projectId: number }>(
    `UPDATE artifact_bundles SET state = 'ready', fault = NULL, release = $2, dist = $3, notes = $4, script_count = $5, map_count = $6,
       stored_bytes = $7 WHERE bundle_id = $1 AND state <> 'ready' RETURNING project_id AS "projectId"`,
    [bundleId, read.release, read.dist, read.notes, read.scripts.length, read.scripts.filter(({ map }) => map).length, stored],
  );
  if (!bundle) return false;
  for (const { url, debugId, source, sourceBytes, map, mapBytes, fault } of read.scripts) {
    await tx.query(
      `INSERT INTO artifacts (bundle_id, project_id, release, dist, url, file_name, debug_id, source, source_bytes, map, map_bytes, fault)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
      [
        bundleId,
        bundle.projectId,
        read.release,
        read.dist,
        url,
        fileNameOf(url),
        debugId,
        source && Buffer.from(source),
        sourceBytes,
        map && Buffer.from(map),
        mapBytes,
        fault,
      ],
    );
  }
  return true;
}

/** Removes an upload; false where the project has none of this id. */
export async function removeBundle(tx: Queryable, projectId: number, bundleId: number): Promise<boolean> {
  const rows = await tx.query("DELETE FROM artifact_bundles WHERE project_id = $1 AND bundle_id = $2 RETURNING 1", [
    projectId,
    bundleId,
  ]);
  return rows.length > 0;
}

/** True where a project has any map. */
export async function hasMaps(db: Queryable, projectId: number): Promise<boolean> {
  const [row] = await db.query<{ has: boolean }>("SELECT EXISTS (SELECT FROM artifacts WHERE project_id = $1) AS has", [
    projectId,
  ]);
  return row?.has ?? false;
}

/** The newest artifact of a debug id; one with a map before one without. */
export async function findByDebugId(db: Queryable, projectId: number, debugId: string): Promise<Candidate | null> {
  const [row] = await db.query<Candidate>(
    `SELECT ${CANDIDATE} FROM artifacts a WHERE a.project_id = $1 AND a.debug_id = $2::uuid
     ORDER BY (a.map IS NOT NULL) DESC, a.artifact_id DESC LIMIT 1`,
    [projectId, debugId],
  );
  return row ?? null;
}

/** Artifacts of a release whose file has this name, newest first. */
export function findByName(db: Queryable, projectId: number, release: string, fileName: string): Promise<Candidate[]> {
  return db.query(
    `SELECT ${CANDIDATE} FROM artifacts a WHERE a.project_id = $1 AND a.release = $2 AND a.file_name = $3
     ORDER BY a.artifact_id DESC LIMIT ${MAX_CANDIDATES}`,
    [projectId, release, fileName],
  );
}

/** The map of an artifact and its script; null where they are gone. */
export async function readBodies(
  db: Queryable,
  artifactId: number,
): Promise<{ map: Uint8Array; source: Uint8Array | null } | null> {
  const [row] = await db.query<{ map: Uint8Array; source: Uint8Array | null }>(
    "SELECT map, source FROM artifacts WHERE artifact_id = $1 AND map IS NOT NULL",
    [artifactId],
  );
  return row ?? null;
}

/** Says that an upload is still in use; written at most once an hour. */
export async function touchBundle(db: Queryable, bundleId: number): Promise<void> {
  await db.query(
    "UPDATE artifact_bundles SET last_used_at = now() WHERE bundle_id = $1 AND last_used_at < now() - interval '1 hour'",
    [bundleId],
  );
}

/** Bytes that the uploads of a project take. */
export async function storedBytesOf(db: Queryable, projectId: number): Promise<number> {
  const [row] = await db.query<{ bytes: number }>(
    "SELECT coalesce(sum(stored_bytes), 0)::float8 AS bytes FROM artifact_bundles WHERE project_id = $1",
    [projectId],
  );
  return row?.bytes ?? 0;
}
