/** Statements about who belongs to a project. Times are epoch milliseconds by our clock. */

import type { Queryable } from "../db/db.ts";
import { type Role, ROLES } from "./identity.ts";

/** A member as the others see him. */
export interface Member {
  userId: number;
  email: string;
  role: Role;
  addedAt: number;
  /** An administrator of the installation, who is owner everywhere. */
  isAdmin: boolean;
  disabled: boolean;
}

/** The roles as an SQL array, so that the place of a role in it can be compared. */
const ORDER = `ARRAY[${ROLES.map((role) => `'${role}'`).join(", ")}]`;

/** How high a role is, as SQL; null for no role. */
export function rankSql(role: string): string {
  return `array_position(${ORDER}, ${role})`;
}

/** The members of a project, by address. */
export async function listMembers(db: Queryable, projectId: number): Promise<Member[]> {
  return db.query<Member>(
    `SELECT m.user_id AS "userId", u.email, m.role, floor(extract(epoch FROM m.added_at) * 1000)::float8 AS "addedAt",
       u.is_admin AS "isAdmin", u.disabled_at IS NOT NULL AS disabled
     FROM project_members m JOIN users u ON u.id = m.user_id WHERE m.project_id = $1 ORDER BY lower(u.email)`,
    [projectId],
  );
}

/** Waits until nobody else changes the members of this project, to the end of the transaction; false where it is not there. */
export async function lockProject(tx: Queryable, projectId: number): Promise<boolean> {
  const rows = await tx.query("SELECT id FROM projects WHERE id = $1 AND removed_at IS NULL FOR NO KEY UPDATE", [projectId]);
  return rows.length > 0;
}

/** The role that a person acts with, as the database has it now; null for none, and for one who was disabled. */
export async function readActingRole(db: Queryable, projectId: number, userId: number): Promise<Role | null> {
  const rows = await db.query<{ role: Role | null }>(
    `SELECT CASE WHEN u.is_admin THEN 'owner' ELSE m.role END AS role
     FROM users u LEFT JOIN project_members m ON m.user_id = u.id AND m.project_id = $1
     WHERE u.id = $2 AND u.disabled_at IS NULL`,
    [projectId, userId],
  );
  return rows[0]?.role ?? null;
}

/** One member, or null. */
export async function readMember(
  db: Queryable,
  projectId: number,
  userId: number,
): Promise<{ email: string; role: Role } | null> {
  const rows = await db.query<{ email: string; role: Role }>(
    "SELECT u.email, m.role FROM project_members m JOIN users u ON u.id = m.user_id WHERE m.project_id = $1 AND m.user_id = $2",
    [projectId, userId],
  );
  return rows[0] ?? null;
}

/** True where somebody else owns the project and can sign in. */
export async function hasOtherOwner(db: Queryable, projectId: number, userId: number): Promise<boolean> {
  const rows = await db.query(
    `SELECT 1 AS one FROM project_members m JOIN users u ON u.id = m.user_id
     WHERE m.project_id = $1 AND m.user_id <> $2 AND m.role = 'owner' AND u.disabled_at IS NULL LIMIT 1`,
    [projectId, userId],
  );
  return rows.length > 0;
}

/**
 * Makes a person a member. Who is one already keeps the higher of the two roles.
 * @returns the role that he has now
 */
export async function addMember(
  db: Queryable,
  member: { projectId: number; userId: number; role: Role; now: number },
): Promise<Role> {
  const rows = await db.query<{ role: Role }>(
    `INSERT INTO project_members AS m (project_id, user_id, role, added_at) VALUES ($1, $2, $3, to_timestamp($4 / 1000.0))
     ON CONFLICT (project_id, user_id) DO UPDATE
     SET role = CASE WHEN ${rankSql("excluded.role")} > ${rankSql("m.role")} THEN excluded.role ELSE m.role END RETURNING m.role`,
    [member.projectId, member.userId, member.role, member.now],
  );
  return rows[0]?.role ?? member.role;
}

/** Gives a member another role. */
export async function updateMember(db: Queryable, projectId: number, userId: number, role: Role): Promise<void> {
  await db.query("UPDATE project_members SET role = $3 WHERE project_id = $1 AND user_id = $2", [projectId, userId, role]);
}

/** Ends a membership. */
export async function deleteMember(db: Queryable, projectId: number, userId: number): Promise<void> {
  await db.query("DELETE FROM project_members WHERE project_id = $1 AND user_id = $2", [projectId, userId]);
}
