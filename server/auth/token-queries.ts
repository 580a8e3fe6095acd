/** Statements of the token list. */

import type { Queryable } from "../db/db.ts";

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

/** A token to keep: its hash, whose it is and what it is for. */
export interface NewToken {
  hash: Uint8Array;
  userId: number;
  projectId: number | null;
  name: string;
  scopes: readonly string[];
  hint: string;
  expiresAt: number | null;
}

const COLUMNS = `id, name, hint, scopes, project_id AS "projectId", floor(extract(epoch FROM created_at) * 1000)::float8 AS "createdAt",
  floor(extract(epoch FROM last_used_at) * 1000)::float8 AS "lastUsedAt", floor(extract(epoch FROM expires_at) * 1000)::float8 AS "expiresAt"`;

/** The tokens of a person that were not revoked, newest first. */
export async function listTokens(db: Queryable, userId: number): Promise<TokenSummary[]> {
  return db.query<TokenSummary>(`SELECT ${COLUMNS} FROM tokens WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id DESC`, [
    userId,
  ]);
}

/** Keeps a new token. */
export async function insertToken(db: Queryable, token: NewToken): Promise<TokenSummary> {
  const rows = await db.query<TokenSummary>(
    `INSERT INTO tokens (token_hash, user_id, project_id, name, scopes, hint, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000.0)) RETURNING ${COLUMNS}`,
    [token.hash, token.userId, token.projectId, token.name, token.scopes, token.hint, token.expiresAt],
  );
  const [summary] = rows;
  if (!summary) throw new Error("the token was inserted, but not returned");
  return summary;
}

/** Revokes a token of this person (of anybody where `userId` is null); false where there is none. */
export async function revokeToken(db: Queryable, id: number, userId: number | null): Promise<boolean> {
  const rows = await db.query(
    `UPDATE tokens SET revoked_at = now()
     WHERE id = $1 AND ($2::integer IS NULL OR user_id = $2) AND revoked_at IS NULL RETURNING id`,
    [id, userId],
  );
  return rows.length > 0;
}
