/** Statements of the token list. */

import type { Queryable } from "../db/db.ts";
import { rankSql } from "./member-queries.ts";

/** A bearer token as its owner sees it after the first time: all but the token. */
export interface TokenSummary {
  id: number;
  name: string;
  /** First characters, to tell tokens apart. */
  hint: string;
  scopes: string[];
  projectId: number | null;
  createdAt: number;
  lastUsedAt: number | null;
  expiresAt: number | null;
}

/** A token that is bound to a project, as those who run the project see it. */
export interface BoundToken extends TokenSummary {
  ownerId: number;
  ownerEmail: string;
}

/** A token to keep: its hash, whose it is and what it is for. */
export interface NewToken {
  hash: Uint8Array;
  userId: number;
  projectId: number | null;
  name: string;
  scopes: readonly string[];
  hint: string;
  createdAt: number;
  expiresAt: number | null;
}

const COLUMNS = `t.id, t.name, t.hint, t.scopes, t.project_id AS "projectId",
  floor(extract(epoch FROM t.created_at) * 1000)::float8 AS "createdAt",
  floor(extract(epoch FROM t.last_used_at) * 1000)::float8 AS "lastUsedAt",
  floor(extract(epoch FROM t.expires_at) * 1000)::float8 AS "expiresAt"`;

/** The tokens of a person that were not revoked, newest first. */
export async function listTokens(db: Queryable, userId: number): Promise<TokenSummary[]> {
  return db.query<TokenSummary>(`SELECT ${COLUMNS} FROM tokens t WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id DESC`, [
    userId,
  ]);
}

/** The tokens that are bound to a project and were not revoked, newest first. */
export async function listTokensOf(db: Queryable, projectId: number): Promise<BoundToken[]> {
  return db.query<BoundToken>(
    `SELECT ${COLUMNS}, u.id AS "ownerId", u.email AS "ownerEmail" FROM tokens t JOIN users u ON u.id = t.user_id
     WHERE t.project_id = $1 AND t.revoked_at IS NULL ORDER BY t.id DESC`,
    [projectId],
  );
}

/** Keeps a new token. */
export async function insertToken(db: Queryable, token: NewToken): Promise<TokenSummary> {
  const rows = await db.query<TokenSummary>(
    `INSERT INTO tokens AS t (token_hash, user_id, project_id, name, scopes, hint, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000.0), to_timestamp($8::float8 / 1000.0)) RETURNING ${COLUMNS}`,
    [token.hash, token.userId, token.projectId, token.name, token.scopes, token.hint, token.createdAt, token.expiresAt],
  );
  const [summary] = rows;
  if (!summary) throw new Error("the token was inserted, but not returned");
  return summary;
}

/**
 * Revokes a token: one's own, one that is bound to a project that one runs, or, as an administrator, anybody's.
 * @returns what it was; null where there is none that this person may revoke
 */
export async function revokeToken(
  db: Queryable,
  id: number,
  by: { userId: number; isAdmin: boolean; projectIds: readonly number[] },
  now: number,
): Promise<{ name: string; userId: number; projectId: number | null } | null> {
  const rows = await db.query<{ name: string; userId: number; projectId: number | null }>(
    `UPDATE tokens SET revoked_at = to_timestamp($5 / 1000.0)
     WHERE id = $1 AND ($2 OR user_id = $3 OR project_id = ANY($4::integer[])) AND revoked_at IS NULL
     RETURNING name, user_id AS "userId", project_id AS "projectId"`,
    [id, by.isAdmin, by.userId, by.projectIds, now],
  );
  return rows[0] ?? null;
}

/**
 * Revokes the tokens of a person that he could not make any more: all, where he was disabled; those bound to projects that he left; those
 * of scope `admin` where he is none. To be called in the transaction that lowered him.
 * @returns how many
 */
export async function revokeTokensBeyond(tx: Queryable, userId: number, now: number): Promise<number> {
  const rows = await tx.query(
    `UPDATE tokens t SET revoked_at = to_timestamp($2 / 1000.0)
     WHERE t.user_id = $1 AND t.revoked_at IS NULL AND NOT EXISTS (
       SELECT 1 FROM users u LEFT JOIN project_members m ON m.user_id = u.id AND m.project_id = t.project_id
       WHERE u.id = t.user_id AND u.disabled_at IS NULL AND (u.is_admin
         OR (t.project_id IS NULL AND NOT 'admin' = ANY(t.scopes))
         OR (m.role IS NOT NULL AND (NOT 'admin' = ANY(t.scopes) OR ${rankSql("m.role")} >= ${rankSql("'admin'")}))))
     RETURNING t.id`,
    [userId, now],
  );
  return rows.length;
}
