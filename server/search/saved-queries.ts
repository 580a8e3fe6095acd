/** Statements of saved searches: filters by name, of one person or shared in a project. */

import type { Queryable } from "../db/db.ts";

/** A saved search as people see it. */
export interface SavedSearch {
  searchId: number;
  name: string;
  /** Query string of the list, without project, cursor and limit. */
  query: string;
  isShared: boolean;
  /** True where it is of who asks. */
  isMine: boolean;
  createdAt: number;
}

/** What is saved. */
export interface SearchWish {
  name: string;
  query: string;
  isShared: boolean;
}

interface SavedRow {
  search_id: number;
  user_id: number;
  name: string;
  query: string;
  is_shared: boolean;
  created_at: number;
}

const COLUMNS = "search_id, user_id, name, query, is_shared, (extract(epoch FROM created_at) * 1000)::float8 AS created_at";

/** Those of a person and those that are shared, by name. */
export async function listSaved(db: Queryable, projectId: number, userId: number): Promise<SavedSearch[]> {
  const rows = await db.query<SavedRow>(
    `SELECT ${COLUMNS} FROM saved_searches WHERE project_id = $1 AND (user_id = $2 OR is_shared)
     ORDER BY lower(name), search_id LIMIT 500`,
    [projectId, userId],
  );
  return rows.map((row) => toSaved(row, userId));
}

/** One of them; null where there is none that this person sees. */
export async function findSaved(db: Queryable, projectId: number, searchId: number, userId: number): Promise<SavedSearch | null> {
  const [row] = await db.query<SavedRow>(
    `SELECT ${COLUMNS} FROM saved_searches WHERE search_id = $1 AND project_id = $2 AND (user_id = $3 OR is_shared)`,
    [searchId, projectId, userId],
  );
  return row ? toSaved(row, userId) : null;
}

/** Saves one; null where the person has `most` of them in the project already. */
export async function insertSaved(
  db: Queryable,
  projectId: number,
  userId: number,
  { name, query, isShared }: SearchWish,
  most: number,
): Promise<SavedSearch | null> {
  const [row] = await db.query<SavedRow>(
    `INSERT INTO saved_searches (project_id, user_id, name, query, is_shared)
     SELECT $1, $2, $3, $4, $5 WHERE (SELECT count(*) FROM saved_searches WHERE project_id = $1 AND user_id = $2) < $6
     RETURNING ${COLUMNS}`,
    [projectId, userId, name, query, isShared, most],
  );
  return row ? toSaved(row, userId) : null;
}

/** Changes what is named of one. */
export async function updateSaved(
  db: Queryable,
  searchId: number,
  { name, query, isShared }: Partial<SearchWish>,
): Promise<void> {
  await db.query(
    `UPDATE saved_searches SET name = coalesce($2, name), query = coalesce($3, query), is_shared = coalesce($4, is_shared)
     WHERE search_id = $1`,
    [searchId, name ?? null, query ?? null, isShared ?? null],
  );
}

/** Removes one. */
export async function deleteSaved(db: Queryable, searchId: number): Promise<void> {
  await db.query("DELETE FROM saved_searches WHERE search_id = $1", [searchId]);
}

function toSaved(row: SavedRow, userId: number): SavedSearch {
  return {
    searchId: row.search_id,
    name: row.name,
    query: row.query,
    isShared: row.is_shared,
    isMine: row.user_id === userId,
    createdAt: row.created_at,
  };
}
