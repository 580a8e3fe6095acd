/** Every statement about projects and their keys. */

import { randomBytes } from "node:crypto";
import type { Database, Queryable } from "../db/db.ts";
import type { Project } from "./projects.ts";

/** Serialises the making of the first project between processes that start together. */
const FIRST_PROJECT_LOCK = 7_420_001;
const UNIQUE_VIOLATION = "23505";

interface ProjectRow {
  id: number;
  name: string;
  slug: string;
  keys: string[];
  created_at: number;
}

const COLUMNS = `p.id, p.name, p.slug, floor(extract(epoch FROM p.created_at) * 1000)::float8 AS created_at,
  ARRAY(SELECT k.key FROM project_keys k WHERE k.project_id = p.id AND k.revoked_at IS NULL ORDER BY k.created_at, k.key) AS keys`;

/** A key nobody had before. */
export function createKey(): string {
  return randomBytes(16).toString("hex");
}

/** All projects, oldest first. */
export async function listProjects(db: Queryable, ids?: readonly number[]): Promise<Project[]> {
  const rows = await db.query<ProjectRow>(
    `SELECT ${COLUMNS} FROM projects p WHERE p.removed_at IS NULL AND ($1::integer[] IS NULL OR p.id = ANY($1)) ORDER BY p.id`,
    [ids ?? null],
  );
  return rows.map(toProject);
}

/** The projects of those keys that are in use, by key. */
export async function readProjectsByKey(db: Queryable, keys: readonly string[]): Promise<ReadonlyMap<string, Project>> {
  const rows = await db.query<ProjectRow & { key: string }>(
    `SELECT a.key, ${COLUMNS} FROM project_keys a JOIN projects p ON p.id = a.project_id
     WHERE a.key = ANY($1::text[]) AND a.revoked_at IS NULL AND p.removed_at IS NULL`,
    [keys],
  );
  return new Map(rows.map((row) => [row.key, toProject(row)]));
}

/**
 * Makes the first project where there is none, and gives it `key` where that key is still free.
 * @returns the project with the lowest id
 */
export async function createFirstProject(db: Database, key: string): Promise<Project> {
  return db.transaction(async (tx) => {
    await tx.query("SELECT pg_advisory_xact_lock($1)", [FIRST_PROJECT_LOCK]);
    let [first] = await listProjects(tx);
    if (!first) {
      await tx.query("INSERT INTO projects (name, slug) VALUES ('My project', 'my-project') ON CONFLICT (slug) DO NOTHING");
      await tx.query("UPDATE projects SET removed_at = NULL WHERE slug = 'my-project'");
      [first] = await listProjects(tx);
    }
    if (!first) throw new Error("the first project was made, but is not there");
    if (key !== "" || first.keys.length === 0) await insertKey(tx, first.id, key === "" ? createKey() : key);
    const [ready] = await listProjects(tx, [first.id]);
    return ready ?? first;
  });
}

/**
 * Makes a project with one key.
 * @returns null where the slug is taken
 */
export async function insertProject(db: Database, name: string, slug: string): Promise<Project | null> {
  try {
    return await db.transaction(async (tx) => {
      const rows = await tx.query<{ id: number }>("INSERT INTO projects (name, slug) VALUES ($1, $2) RETURNING id", [name, slug]);
      const id = rows[0]?.id ?? 0;
      await insertKey(tx, id, createKey());
      return (await listProjects(tx, [id]))[0] ?? null;
    });
  } catch (error) {
    if (isUniqueViolation(error)) return null;
    throw error;
  }
}

/**
 * Changes what is given.
 * @returns `taken` where another project has the slug, null where there is no such project
 */
export async function updateProject(
  db: Database,
  id: number,
  change: { name?: string | undefined; slug?: string | undefined },
): Promise<Project | "taken" | null> {
  try {
    await db.query(
      "UPDATE projects SET name = coalesce($2, name), slug = coalesce($3, slug) WHERE id = $1 AND removed_at IS NULL",
      [id, change.name ?? null, change.slug ?? null],
    );
  } catch (error) {
    if (isUniqueViolation(error)) return "taken";
    throw error;
  }
  return (await listProjects(db, [id]))[0] ?? null;
}

/** Gives a project a key; a key that exists, revoked or not, stays as it is. */
export async function insertKey(db: Queryable, projectId: number, key: string): Promise<void> {
  await db.query("INSERT INTO project_keys (key, project_id) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING", [key, projectId]);
}

/** The keys of a project, revoked ones included, oldest first. */
export async function listKeys(
  db: Queryable,
  projectId: number,
): Promise<{ key: string; createdAt: number; revokedAt: number | null }[]> {
  return db.query(
    `SELECT key, floor(extract(epoch FROM created_at) * 1000)::float8 AS "createdAt", floor(extract(epoch FROM revoked_at) * 1000)::float8 AS "revokedAt"
     FROM project_keys WHERE project_id = $1 ORDER BY created_at, key`,
    [projectId],
  );
}

/** Revokes a key of this project; false where there is none in use. */
export async function revokeKey(db: Queryable, projectId: number, key: string): Promise<boolean> {
  const rows = await db.query(
    "UPDATE project_keys SET revoked_at = now() WHERE project_id = $1 AND key = $2 AND revoked_at IS NULL RETURNING key",
    [projectId, key],
  );
  return rows.length > 0;
}

function toProject(row: ProjectRow): Project {
  return { id: row.id, name: row.name, slug: row.slug, keys: row.keys, createdAt: row.created_at };
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === UNIQUE_VIOLATION;
}
