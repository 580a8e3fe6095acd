/** Statements about people and administrators. Times are epoch milliseconds by our clock. */

import type { Queryable } from "../db/db.ts";
import type { Role } from "./identity.ts";

/** Serialises all that may leave an installation without an administrator, or give it its first. */
const ADMINISTRATORS_LOCK = 7_420_002;

/** A person as sign-in needs him. */
export interface UserRow {
  id: number;
  email: string;
  password_hash: string;
  is_admin: boolean;
}

/** A person as administrators see him. */
export interface UserSummary {
  id: number;
  email: string;
  isAdmin: boolean;
  disabled: boolean;
  createdAt: number;
  /** When a browser of his was seen last; null where he is signed in nowhere. */
  lastSeenAt: number | null;
  /** Project id to the role that was given to him there. */
  roles: Record<string, Role>;
}

const SUMMARY = `u.id, u.email, u.is_admin AS "isAdmin", u.disabled_at IS NOT NULL AS disabled,
  floor(extract(epoch FROM u.created_at) * 1000)::float8 AS "createdAt",
  (SELECT floor(extract(epoch FROM max(s.last_seen_at)) * 1000)::float8 FROM sign_ins s WHERE s.user_id = u.id) AS "lastSeenAt",
  coalesce((SELECT jsonb_object_agg(m.project_id, m.role) FROM project_members m JOIN projects p ON p.id = m.project_id
    WHERE m.user_id = u.id AND p.removed_at IS NULL), '{}') AS roles`;

/** The person of an e-mail address, whatever its case; null for none and for one who was disabled. */
export async function findUser(db: Queryable, email: string): Promise<UserRow | null> {
  const rows = await db.query<UserRow>(
    "SELECT id, email, password_hash, is_admin FROM users WHERE lower(email) = lower($1) AND disabled_at IS NULL",
    [email],
  );
  return rows[0] ?? null;
}

/** The same, and keeps others from changing him to the end of the transaction. */
export async function lockUser(tx: Queryable, email: string): Promise<UserRow | null> {
  const rows = await tx.query<UserRow>(
    `SELECT id, email, password_hash, is_admin FROM users WHERE lower(email) = lower($1) AND disabled_at IS NULL
     FOR NO KEY UPDATE`,
    [email],
  );
  return rows[0] ?? null;
}

/** The person of this id; null for none and for one who was disabled. */
export async function readUser(db: Queryable, userId: number): Promise<UserRow | null> {
  const rows = await db.query<UserRow>(
    "SELECT id, email, password_hash, is_admin FROM users WHERE id = $1 AND disabled_at IS NULL",
    [userId],
  );
  return rows[0] ?? null;
}

/** True where the address is taken, by a person who was disabled as well. */
export async function hasUser(db: Queryable, email: string): Promise<boolean> {
  return (await db.query("SELECT 1 AS one FROM users WHERE lower(email) = lower($1)", [email])).length > 0;
}

/** Makes a person; null where the address is taken. */
export async function insertUser(db: Queryable, email: string, passwordHash: string): Promise<UserRow | null> {
  const rows = await db.query<UserRow>(
    `INSERT INTO users (email, password_hash) VALUES ($1, $2) ON CONFLICT (lower(email)) DO NOTHING
     RETURNING id, email, password_hash, is_admin`,
    [email, passwordHash],
  );
  return rows[0] ?? null;
}

/** Replaces a hash by one with higher parameters; false where somebody changed the password meanwhile. */
export async function replaceHash(db: Queryable, userId: number, old: string, hash: string): Promise<boolean> {
  const rows = await db.query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2 RETURNING id", [
    userId,
    old,
    hash,
  ]);
  return rows.length > 0;
}

/** Sets a new password, where the old one is still `old`. */
export async function changePassword(
  db: Queryable,
  change: { userId: number; old: string; hash: string; now: number },
): Promise<boolean> {
  const rows = await db.query(
    `UPDATE users SET password_hash = $3, password_changed_at = to_timestamp($4 / 1000.0)
     WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL RETURNING id`,
    [change.userId, change.old, change.hash, change.now],
  );
  return rows.length > 0;
}

/** Everybody, by address. */
export async function listUsers(db: Queryable): Promise<UserSummary[]> {
  return db.query<UserSummary>(`SELECT ${SUMMARY} FROM users u ORDER BY lower(u.email)`);
}

/** One person, disabled or not. */
export async function readUserSummary(db: Queryable, userId: number): Promise<UserSummary | null> {
  return (await db.query<UserSummary>(`SELECT ${SUMMARY} FROM users u WHERE u.id = $1`, [userId]))[0] ?? null;
}

/** Changes what an administrator may change. */
export async function updateUser(
  db: Queryable,
  userId: number,
  change: { isAdmin: boolean; disabled: boolean; now: number },
): Promise<void> {
  await db.query(
    `UPDATE users SET is_admin = $2, disabled_at = CASE WHEN $3 THEN coalesce(disabled_at, to_timestamp($4 / 1000.0)) END
     WHERE id = $1`,
    [userId, change.isAdmin, change.disabled, change.now],
  );
}

/** Waits until nobody else changes who is an administrator, to the end of the transaction. */
export async function lockAdministrators(tx: Queryable): Promise<void> {
  await tx.query("SELECT pg_advisory_xact_lock($1)", [ADMINISTRATORS_LOCK]);
}

/** True where there is an administrator who can sign in, besides this one. */
export async function hasAdministrator(db: Queryable, besides = 0): Promise<boolean> {
  const rows = await db.query("SELECT 1 AS one FROM users WHERE is_admin AND disabled_at IS NULL AND id <> $1 LIMIT 1", [
    besides,
  ]);
  return rows.length > 0;
}
