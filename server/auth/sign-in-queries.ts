/** Statements about sign-ins and what they identify. Times are epoch milliseconds by our clock. */

import type { Queryable } from "../db/db.ts";
import type { Role } from "./identity.ts";

/** Whose a sign-in or a token is, and what he may see. */
export interface OwnerRow {
  user_id: number;
  email: string;
  is_admin: boolean;
  /** Project id (as text) to role. */
  roles: Record<string, Role>;
  expires_at: number | null;
}

/** A signed-in browser as its person sees it. */
export interface SignInSummary {
  id: number;
  createdAt: number;
  lastSeenAt: number;
  userAgent: string;
  peer: string;
  /** SHA-256 of its secret, in hex. */
  hash: string;
}

const VISIBLE = `CASE WHEN u.is_admin
  THEN (SELECT jsonb_object_agg(p.id, 'owner') FROM projects p WHERE p.removed_at IS NULL)
  ELSE (SELECT jsonb_object_agg(m.project_id, m.role) FROM project_members m JOIN projects p ON p.id = m.project_id
        WHERE m.user_id = u.id AND p.removed_at IS NULL) END`;
const ROLES_OF = `coalesce(${VISIBLE}, '{}') AS roles`;

/**
 * Keeps a new sign-in, where the person still has the password that was checked. The row of the person is locked for the moment, so
 * that a change of password at the same time either ends this sign-in or keeps it from beginning.
 * @returns false where it did not begin
 */
export async function insertSignIn(
  db: Queryable,
  signIn: {
    hash: Uint8Array;
    userId: number;
    passwordHash: string;
    now: number;
    expiresAt: number;
    userAgent: string;
    peer: string;
  },
): Promise<boolean> {
  const rows = await db.query(
    `WITH person AS (SELECT id FROM users WHERE id = $2 AND password_hash = $7 AND disabled_at IS NULL FOR SHARE)
     INSERT INTO sign_ins (token_hash, user_id, created_at, last_seen_at, expires_at, user_agent, peer)
     SELECT $1, id, to_timestamp($3 / 1000.0), to_timestamp($3 / 1000.0), to_timestamp($4 / 1000.0), $5, $6 FROM person
     RETURNING id`,
    [signIn.hash, signIn.userId, signIn.now, signIn.expiresAt, signIn.userAgent, signIn.peer, signIn.passwordHash],
  );
  return rows.length > 0;
}

/** Ends a sign-in; whose it was, or null where there was none. */
export async function deleteSignIn(db: Queryable, hash: Uint8Array): Promise<{ userId: number; email: string } | null> {
  const rows = await db.query<{ userId: number; email: string }>(
    `DELETE FROM sign_ins s USING users u WHERE s.token_hash = $1 AND u.id = s.user_id RETURNING u.id AS "userId", u.email`,
    [hash],
  );
  return rows[0] ?? null;
}

/** Ends one sign-in of this person; false where it is not his. */
export async function deleteSignInOf(db: Queryable, userId: number, id: number): Promise<boolean> {
  const rows = await db.query("DELETE FROM sign_ins WHERE user_id = $1 AND id = $2 RETURNING id", [userId, id]);
  return rows.length > 0;
}

/** Ends every sign-in of a person; how many there were. */
export async function deleteSignInsOf(db: Queryable, userId: number): Promise<number> {
  return (await db.query("DELETE FROM sign_ins WHERE user_id = $1 RETURNING id", [userId])).length;
}

/** Removes what has expired. */
export async function deleteExpiredSignIns(db: Queryable, now: number): Promise<void> {
  await db.query("DELETE FROM sign_ins WHERE expires_at < to_timestamp($1 / 1000.0)", [now]);
}

/** The sign-ins of a person, the one used last first. */
export async function listSignIns(db: Queryable, userId: number, now: number): Promise<SignInSummary[]> {
  return db.query<SignInSummary>(
    `SELECT id, floor(extract(epoch FROM created_at) * 1000)::float8 AS "createdAt",
       floor(extract(epoch FROM last_seen_at) * 1000)::float8 AS "lastSeenAt", user_agent AS "userAgent", peer,
       encode(token_hash, 'hex') AS hash
     FROM sign_ins WHERE user_id = $1 AND expires_at > to_timestamp($2 / 1000.0) ORDER BY last_seen_at DESC, id DESC LIMIT 500`,
    [userId, now],
  );
}

/** Whose a sign-in is, or null. */
export async function findSignIn(db: Queryable, hash: Uint8Array, now: number): Promise<OwnerRow | null> {
  const rows = await db.query<OwnerRow>(
    `SELECT u.id AS user_id, u.email, u.is_admin, ${ROLES_OF}, (extract(epoch FROM s.expires_at) * 1000)::float8 AS expires_at
     FROM sign_ins s JOIN users u ON u.id = s.user_id
     WHERE s.token_hash = $1 AND s.expires_at > to_timestamp($2 / 1000.0) AND u.disabled_at IS NULL`,
    [hash, now],
  );
  return rows[0] ?? null;
}

/** Whose a bearer token is and what it is for, or null. */
export async function findToken(
  db: Queryable,
  hash: Uint8Array,
  now: number,
): Promise<(OwnerRow & { token_id: number; scopes: string[]; project_id: number | null }) | null> {
  const rows = await db.query<OwnerRow & { token_id: number; scopes: string[]; project_id: number | null }>(
    `SELECT t.id AS token_id, t.scopes, t.project_id, u.id AS user_id, u.email, u.is_admin, ${ROLES_OF},
       (extract(epoch FROM t.expires_at) * 1000)::float8 AS expires_at
     FROM tokens t JOIN users u ON u.id = t.user_id
     WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND u.disabled_at IS NULL
       AND (t.expires_at IS NULL OR t.expires_at > to_timestamp($2 / 1000.0))`,
    [hash, now],
  );
  return rows[0] ?? null;
}

/**
 * Writes down when sign-ins and tokens were used last; `uses` maps them to epoch ms. It waits for nobody: a row that somebody is just
 * ending or revoking is passed over.
 */
export async function saveLastUses(
  db: Queryable,
  uses: { signIns: ReadonlyMap<string, number>; tokens: ReadonlyMap<number, number> },
): Promise<void> {
  if (uses.signIns.size > 0) {
    await db.query(
      `WITH free AS (
         SELECT s.id, u.at FROM unnest($1::text[], $2::float8[]) AS u (hash, at) JOIN sign_ins s ON s.token_hash = decode(u.hash, 'hex')
         FOR UPDATE OF s SKIP LOCKED)
       UPDATE sign_ins s SET last_seen_at = greatest(s.last_seen_at, to_timestamp(free.at / 1000.0)) FROM free WHERE s.id = free.id`,
      [[...uses.signIns.keys()], [...uses.signIns.values()]],
    );
  }
  if (uses.tokens.size > 0) {
    await db.query(
      `WITH free AS (
         SELECT t.id, u.at FROM unnest($1::integer[], $2::float8[]) AS u (id, at) JOIN tokens t ON t.id = u.id
         FOR UPDATE OF t SKIP LOCKED)
       UPDATE tokens t SET last_used_at = greatest(t.last_used_at, to_timestamp(free.at / 1000.0)) FROM free WHERE t.id = free.id`,
      [[...uses.tokens.keys()], [...uses.tokens.values()]],
    );
  }
}
