/** Every statement about people, their sign-ins and tokens, and set-up links. Times are epoch milliseconds by our clock. */

import type { Role } from "./identity.ts";
import type { Database, Queryable } from "../db/db.ts";

/** Serialises the making of the first administrator between processes and links. */
const FIRST_ADMINISTRATOR_LOCK = 7_420_002;

/** A person as sign-in needs him. */
export interface UserRow {
  id: number;
  email: string;
  password_hash: string;
  is_admin: boolean;
}

/** Whose a sign-in or a token is, and what he may see. */
export interface OwnerRow {
  user_id: number;
  email: string;
  is_admin: boolean;
  /** Project id (as text) to role. */
  roles: Record<string, Role>;
  expires_at: number | null;
}

const VISIBLE = `CASE WHEN u.is_admin
  THEN (SELECT jsonb_object_agg(p.id, 'owner') FROM projects p WHERE p.removed_at IS NULL)
  ELSE (SELECT jsonb_object_agg(m.project_id, m.role) FROM project_members m JOIN projects p ON p.id = m.project_id
        WHERE m.user_id = u.id AND p.removed_at IS NULL) END`;
const ROLES_OF = `coalesce(${VISIBLE}, '{}') AS roles`;

/** The person of an e-mail address, whatever its case; null for none and for one who was disabled. */
export async function findUser(db: Queryable, email: string): Promise<UserRow | null> {
  const rows = await db.query<UserRow>(
    "SELECT id, email, password_hash, is_admin FROM users WHERE lower(email) = lower($1) AND disabled_at IS NULL",
    [email],
  );
  return rows[0] ?? null;
}

/** Replaces a hash, unless somebody changed the password meanwhile. */
export async function replaceHash(db: Queryable, userId: number, old: string, hash: string): Promise<void> {
  await db.query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2", [userId, old, hash]);
}

/** Keeps a new sign-in, and removes the person's expired ones. */
export async function insertSignIn(
  db: Queryable,
  signIn: { hash: Uint8Array; userId: number; now: number; expiresAt: number; userAgent: string },
): Promise<void> {
  await db.query("DELETE FROM sign_ins WHERE user_id = $1 AND expires_at < to_timestamp($2 / 1000.0)", [
    signIn.userId,
    signIn.now,
  ]);
  await db.query(
    `INSERT INTO sign_ins (token_hash, user_id, created_at, last_seen_at, expires_at, user_agent)
     VALUES ($1, $2, to_timestamp($3 / 1000.0), to_timestamp($3 / 1000.0), to_timestamp($4 / 1000.0), $5)`,
    [signIn.hash, signIn.userId, signIn.now, signIn.expiresAt, signIn.userAgent],
  );
}

/** Ends a sign-in. */
export async function deleteSignIn(db: Queryable, hash: Uint8Array): Promise<void> {
  await db.query("DELETE FROM sign_ins WHERE token_hash = $1", [hash]);
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

/** Writes down when sign-ins and tokens were used last; `uses` maps them to epoch ms. */
export async function saveLastUses(
  db: Queryable,
  uses: { signIns: ReadonlyMap<string, number>; tokens: ReadonlyMap<number, number> },
): Promise<void> {
  if (uses.signIns.size > 0) {
    await db.query(
      `UPDATE sign_ins s SET last_seen_at = greatest(s.last_seen_at, to_timestamp(u.at / 1000.0))
       FROM unnest($1::text[], $2::float8[]) AS u (hash, at) WHERE s.token_hash = decode(u.hash, 'hex')`,
      [[...uses.signIns.keys()], [...uses.signIns.values()]],
    );
  }
  if (uses.tokens.size > 0) {
    await db.query(
      `UPDATE tokens t SET last_used_at = greatest(t.last_used_at, to_timestamp(u.at / 1000.0))
       FROM unnest($1::integer[], $2::float8[]) AS u (id, at) WHERE t.id = u.id`,
      [[...uses.tokens.keys()], [...uses.tokens.values()]],
    );
  }
}

/** True where there is an administrator who can sign in. */
export async function hasAdministrator(db: Queryable): Promise<boolean> {
  const rows = await db.query("SELECT 1 AS one FROM users WHERE is_admin AND disabled_at IS NULL LIMIT 1");
  return rows.length > 0;
}

/**
 * Makes the first administrator, and claims the set-up link where one is given: all or nothing.
 * @returns his id; `has-administrator` where somebody was first, `no-link` where the link is unknown, used or expired
 */
export async function createFirstAdministrator(
  db: Database,
  email: string,
  passwordHash: string,
  link: { hash: Uint8Array; now: number } | null,
): Promise<number | "has-administrator" | "no-link"> {
  return db.transaction(async (tx) => {
    await tx.query("SELECT pg_advisory_xact_lock($1)", [FIRST_ADMINISTRATOR_LOCK]);
    if (link && !(await isLinkOpen(tx, link.hash, link.now))) return "no-link";
    if (await hasAdministrator(tx)) return "has-administrator";
    if (link)
      await tx.query("UPDATE setup_links SET used_at = to_timestamp($2 / 1000.0) WHERE token_hash = $1", [link.hash, link.now]);
    const rows = await tx.query<{ id: number }>(
      `INSERT INTO users (email, password_hash, is_admin) VALUES ($1, $2, true)
       ON CONFLICT (lower(email)) DO UPDATE SET password_hash = excluded.password_hash, is_admin = true, disabled_at = NULL
       RETURNING id`,
      [email, passwordHash],
    );
    return rows[0]?.id ?? "has-administrator";
  });
}

/** Keeps a new set-up link, and removes expired ones. */
export async function insertLink(db: Queryable, hash: Uint8Array, now: number, expiresAt: number): Promise<void> {
  await db.query("DELETE FROM setup_links WHERE expires_at < to_timestamp($1 / 1000.0)", [now]);
  await db.query(
    "INSERT INTO setup_links (token_hash, created_at, expires_at) VALUES ($1, to_timestamp($2 / 1000.0), to_timestamp($3 / 1000.0))",
    [hash, now, expiresAt],
  );
}

/** True for a link that was neither used nor has expired. */
export async function isLinkOpen(db: Queryable, hash: Uint8Array, now: number): Promise<boolean> {
  const rows = await db.query(
    "SELECT 1 AS one FROM setup_links WHERE token_hash = $1 AND used_at IS NULL AND expires_at > to_timestamp($2 / 1000.0)",
    [hash, now],
  );
  return rows.length > 0;
}
