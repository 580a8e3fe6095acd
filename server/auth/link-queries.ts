/** Statements about one-time links: invitations, and new passwords. Times are epoch milliseconds by our clock. */

import type { Queryable } from "../db/db.ts";
import type { Role } from "./identity.ts";
import { rankSql } from "./member-queries.ts";

/** A link that can still be used: into a project, or to a new password. */
export type OpenLink =
  | { id: number; kind: "invitation"; email: string; projectId: number; projectName: string; role: Role; expiresAt: number }
  | { id: number; kind: "password_reset"; email: string; expiresAt: number };

/** An invitation as those who may invite see it. */
export interface Invitation {
  id: number;
  email: string;
  role: Role;
  createdAt: number;
  expiresAt: number;
  /** Who made it. */
  madeBy: string;
}

/** A link to keep. */
export interface NewLink {
  hash: Uint8Array;
  kind: "invitation" | "password_reset";
  email: string;
  projectId: number | null;
  role: Role | null;
  /** Null for one that was made on the machine itself. */
  madeBy: number | null;
  now: number;
  expiresAt: number;
}

const OPEN = "i.used_at IS NULL AND i.revoked_at IS NULL";

/** Keeps a new link in place of the ones before it for the same person and purpose. */
export async function insertLink(tx: Queryable, link: NewLink): Promise<number> {
  await tx.query(
    `UPDATE invitations i SET revoked_at = to_timestamp($4 / 1000.0)
     WHERE ${OPEN} AND i.kind = $1 AND lower(i.email) = lower($2) AND i.project_id IS NOT DISTINCT FROM $3::integer`,
    [link.kind, link.email, link.projectId, link.now],
  );
  const rows = await tx.query<{ id: number }>(
    `INSERT INTO invitations (token_hash, kind, email, project_id, role, made_by, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7 / 1000.0), to_timestamp($8 / 1000.0)) RETURNING id`,
    [link.hash, link.kind, link.email, link.projectId, link.role, link.madeBy, link.now, link.expiresAt],
  );
  return rows[0]?.id ?? 0;
}

/** The link of that secret, where it was not used, not taken back, and has not expired; null otherwise. */
export async function findOpenLink(db: Queryable, hash: Uint8Array, now: number): Promise<OpenLink | null> {
  const rows = await db.query<{
    id: number;
    kind: "invitation" | "password_reset";
    email: string;
    project_id: number | null;
    name: string | null;
    role: Role | null;
    expires_at: number;
  }>(
    `SELECT i.id, i.kind, i.email, i.project_id, p.name, i.role, floor(extract(epoch FROM i.expires_at) * 1000)::float8 AS expires_at
     FROM invitations i LEFT JOIN projects p ON p.id = i.project_id AND p.removed_at IS NULL
     WHERE i.token_hash = $1 AND ${OPEN} AND i.expires_at > to_timestamp($2 / 1000.0)`,
    [hash, now],
  );
  const [row] = rows;
  if (!row) return null;
  const { id, kind, email, expires_at: expiresAt } = row;
  if (kind === "password_reset") return { id, kind, email, expiresAt };
  if (row.project_id === null || row.name === null || row.role === null) return null;
  return { id, kind, email, projectId: row.project_id, projectName: row.name, role: row.role, expiresAt };
}

/** Claims a link: of two who use it at once, one does. */
export async function useLink(tx: Queryable, id: number, now: number): Promise<boolean> {
  const rows = await tx.query(
    `UPDATE invitations i SET used_at = to_timestamp($2 / 1000.0)
     WHERE id = $1 AND ${OPEN} AND i.expires_at > to_timestamp($2 / 1000.0) RETURNING id`,
    [id, now],
  );
  return rows.length > 0;
}

/** The invitations into a project that can still be used, newest first. */
export async function listInvitations(db: Queryable, projectId: number, now: number): Promise<Invitation[]> {
  return db.query<Invitation>(
    `SELECT i.id, i.email, i.role, floor(extract(epoch FROM i.created_at) * 1000)::float8 AS "createdAt",
       floor(extract(epoch FROM i.expires_at) * 1000)::float8 AS "expiresAt", coalesce(u.email, '') AS "madeBy"
     FROM invitations i LEFT JOIN users u ON u.id = i.made_by
     WHERE i.project_id = $1 AND ${OPEN} AND i.expires_at > to_timestamp($2 / 1000.0) ORDER BY i.id DESC`,
    [projectId, now],
  );
}

/** Takes an invitation into this project back; null where there is none that could still be used. */
export async function revokeInvitation(
  db: Queryable,
  projectId: number,
  id: number,
  now: number,
): Promise<{ email: string; role: Role } | null> {
  const rows = await db.query<{ email: string; role: Role }>(
    `UPDATE invitations i SET revoked_at = to_timestamp($3 / 1000.0)
     WHERE id = $1 AND project_id = $2 AND ${OPEN} AND expires_at > to_timestamp($3 / 1000.0) RETURNING email, role`,
    [id, projectId, now],
  );
  return rows[0] ?? null;
}

/** Takes back the links of a new password for this address. */
export async function revokeResetLinks(db: Queryable, email: string, now: number): Promise<void> {
  await db.query(
    `UPDATE invitations i SET revoked_at = to_timestamp($2 / 1000.0)
     WHERE ${OPEN} AND kind = 'password_reset' AND lower(email) = lower($1)`,
    [email, now],
  );
}

/**
 * Takes back what somebody made and could not make any more: invitations above his role of today, and links of new passwords where he is
 * no administrator. To be called in the transaction that lowered him.
 */
export async function revokeLinksBeyond(tx: Queryable, userId: number, now: number): Promise<void> {
  await tx.query(
    `UPDATE invitations i SET revoked_at = to_timestamp($2 / 1000.0)
     WHERE i.made_by = $1 AND ${OPEN} AND NOT EXISTS (
       SELECT 1 FROM users u LEFT JOIN project_members m ON m.user_id = u.id AND m.project_id = i.project_id
       WHERE u.id = i.made_by AND u.disabled_at IS NULL
         AND (u.is_admin OR ${rankSql("m.role")} >= greatest(${rankSql("'admin'")}, ${rankSql("i.role")}) AND i.kind = 'invitation'))`,
    [userId, now],
  );
}

/** Removes links that were over before `before`, with the addresses in them. */
export async function deleteOldLinks(db: Queryable, before: number): Promise<void> {
  await db.query("DELETE FROM invitations WHERE expires_at < to_timestamp($1 / 1000.0)", [before]);
  await db.query("DELETE FROM setup_links WHERE expires_at < to_timestamp($1 / 1000.0)", [before]);
}
