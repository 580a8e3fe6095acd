/** Every statement about projects and their keys. */

import { randomBytes } from "node:crypto";
import { AppError } from "../app-error.ts";
import type { Database, Queryable } from "../db/db.ts";
import { readGroups } from "./project-settings.ts";
import type { Project } from "./projects.ts";

/** Serialises the making of the first project between processes that start together. */
const FIRST_PROJECT_LOCK = 7_420_001;
const UNIQUE_VIOLATION = "23505";
/** The slug of a removed project, which nobody can ask for. */
const FREED_SLUG = "left(slug, 60) || '~' || id";

interface ProjectRow {
  id: number;
  name: string;
  slug: string;
  keys: string[];
  created_at: number;
  allowed_origins: string[];
  sample_rate: number;
  privacy: unknown;
  redaction: unknown;
  limits: unknown;
  issue_settings: unknown;
  assist: unknown;
  retention_days: number | null;
  error_retention_days: number | null;
  storage_budget_bytes: number | null;
}

const COLUMNS = `p.id, p.name, p.slug, floor(extract(epoch FROM p.created_at) * 1000)::float8 AS created_at,
  ARRAY(SELECT k.key FROM project_keys k WHERE k.project_id = p.id AND k.revoked_at IS NULL ORDER BY k.created_at, k.key) AS keys,
  p.allowed_origins, p.sample_rate, p.privacy, p.redaction, p.limits, p.issue_settings, p.assist, p.retention_days, p.error_retention_days,
  p.storage_budget_bytes::float8 AS storage_budget_bytes`;

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
      // A project that was removed by an older version may still have the slug; it never comes back.
      await tx.query(`UPDATE projects SET slug = ${FREED_SLUG} WHERE slug = 'my-project' AND removed_at IS NOT NULL`);
      await tx.query("INSERT INTO projects (name, slug) VALUES ('My project', 'my-project')");
      [first] = await listProjects(tx);
    }
    if (!first) throw new Error("the first project was made, but is not there");
    if (key !== "") await insertKey(tx, first.id, key, "");
    let [ready = first] = await listProjects(tx, [first.id]);
    // The configured key may be another project's, or revoked.
    if (ready.keys.length === 0) {
      await insertKey(tx, first.id, createKey(), "");
      [ready = first] = await listProjects(tx, [first.id]);
    }
    return ready;
  });
}

/**
 * Makes a project with one key, and its maker its owner.
 * @throws SlugTaken
 */
export async function insertProject(tx: Queryable, name: string, slug: string, ownerId: number | null): Promise<Project> {
  let rows: { id: number }[];
  try {
    rows = await tx.query<{ id: number }>("INSERT INTO projects (name, slug) VALUES ($1, $2) RETURNING id", [name, slug]);
  } catch (error) {
    throw isUniqueViolation(error) ? new SlugTaken() : error;
  }
  const id = rows[0]?.id ?? 0;
  await insertKey(tx, id, createKey(), "");
  if (ownerId !== null) {
    await tx.query("INSERT INTO project_members (project_id, user_id, role) VALUES ($1, $2, 'owner')", [id, ownerId]);
  }
  const [project] = await listProjects(tx, [id]);
  if (!project) throw new Error("the project was made, but is not there");
  return project;
}

/** The project, locked until the transaction ends, so that two changes of settings do not undo each other; null where there is none. */
export async function lockProject(tx: Queryable, id: number): Promise<Project | null> {
  await tx.query("SELECT id FROM projects WHERE id = $1 AND removed_at IS NULL FOR UPDATE", [id]);
  return (await listProjects(tx, [id]))[0] ?? null;
}

/**
 * Writes name, slug and all settings of a project.
 * @throws SlugTaken
 */
export async function updateProject(
  tx: Queryable,
  id: number,
  { name, slug, settings }: Pick<Project, "name" | "slug" | "settings">,
): Promise<void> {
  try {
    await tx.query(
      `UPDATE projects SET name = $2, slug = $3, allowed_origins = $4, sample_rate = $5, privacy = $6::jsonb, redaction = $7::jsonb,
         limits = $8::jsonb, retention_days = $9, error_retention_days = $10, storage_budget_bytes = $11, issue_settings = $12::jsonb,
         assist = $13::jsonb
       WHERE id = $1 AND removed_at IS NULL`,
      [
        id,
        name,
        slug,
        settings.allowedOrigins,
        settings.sampleRate,
        JSON.stringify(settings.privacy),
        JSON.stringify(settings.redaction),
        JSON.stringify(settings.limits),
        settings.retentionDays,
        settings.errorRetentionDays,
        settings.storageBudgetBytes,
        JSON.stringify(settings.issues),
        JSON.stringify(settings.assist),
      ],
    );
  } catch (error) {
    throw isUniqueViolation(error) ? new SlugTaken() : error;
  }
}

/**
 * Marks a project as removed: nobody sees it any more, its keys are refused, its slug is free, and its data goes with the next run of
 * retention.
 */
export async function removeProject(tx: Queryable, id: number): Promise<void> {
  await tx.query(`UPDATE projects SET removed_at = now(), slug = ${FREED_SLUG} WHERE id = $1 AND removed_at IS NULL`, [id]);
}

/** An ingest key as its project's people see it. */
export interface KeySummary {
  key: string;
  name: string;
  createdAt: number;
  /** When a tracker came with it last, to within some seconds; null for never. */
  lastUsedAt: number | null;
  revokedAt: number | null;
}

const KEY_COLUMNS = `key, name, floor(extract(epoch FROM created_at) * 1000)::float8 AS "createdAt",
  floor(extract(epoch FROM last_used_at) * 1000)::float8 AS "lastUsedAt", floor(extract(epoch FROM revoked_at) * 1000)::float8 AS "revokedAt"`;

/** Gives a project a key; a key that exists, revoked or not, stays as it is. */
export async function insertKey(db: Queryable, projectId: number, key: string, name: string): Promise<KeySummary | null> {
  const rows = await db.query<KeySummary>(
    `INSERT INTO project_keys (key, project_id, name) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING RETURNING ${KEY_COLUMNS}`,
    [key, projectId, name],
  );
  return rows[0] ?? null;
}

/** The keys of a project, revoked ones included, oldest first. */
export async function listKeys(db: Queryable, projectId: number): Promise<KeySummary[]> {
  return db.query<KeySummary>(
    `SELECT ${KEY_COLUMNS} FROM project_keys WHERE project_id = $1 ORDER BY project_keys.created_at, key`,
    [projectId],
  );
}

/** Names a key of this project; null where there is none. */
export async function renameKey(db: Queryable, projectId: number, key: string, name: string): Promise<KeySummary | null> {
  const rows = await db.query<KeySummary>(
    `UPDATE project_keys SET name = $3 WHERE project_id = $1 AND key = $2 RETURNING ${KEY_COLUMNS}`,
    [projectId, key, name],
  );
  return rows[0] ?? null;
}

/** Revokes a key of this project; false where there is none in use. */
export async function revokeKey(db: Queryable, projectId: number, key: string): Promise<boolean> {
  const rows = await db.query(
    "UPDATE project_keys SET revoked_at = now() WHERE project_id = $1 AND key = $2 AND revoked_at IS NULL RETURNING key",
    [projectId, key],
  );
  return rows.length > 0;
}

/** Writes down when keys were used last; epoch ms by key. */
export async function saveKeyUses(db: Queryable, uses: ReadonlyMap<string, number>): Promise<void> {
  await db.query(
    `UPDATE project_keys k SET last_used_at = greatest(k.last_used_at, to_timestamp(u.at / 1000.0))
     FROM unnest($1::text[], $2::float8[]) AS u (key, at) WHERE k.key = u.key`,
    [[...uses.keys()], [...uses.values()]],
  );
}

/** Another project has the slug. */
export class SlugTaken extends AppError {
  constructor() {
    super("protocol", "slug: another project has it");
  }
}

function toProject(row: ProjectRow): Project {
  return {
    id: row.id,
    name: row.name,
    slug: row.slug,
    keys: row.keys,
    createdAt: row.created_at,
    settings: {
      allowedOrigins: row.allowed_origins,
      sampleRate: row.sample_rate,
      ...readGroups(row),
      retentionDays: row.retention_days,
      errorRetentionDays: row.error_retention_days,
      storageBudgetBytes: row.storage_budget_bytes,
    },
  };
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === UNIQUE_VIOLATION;
}
