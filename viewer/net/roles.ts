/** What somebody may do in a project, as the server's `server/auth/identity.ts` has it, in words for the screen. */

import * as v from "valibot";

/** Each may more than the one before. */
export const ROLES = ["viewer", "member", "admin", "owner"] as const;
export type Role = (typeof ROLES)[number];

export const roleSchema = v.picklist(ROLES);

/** What a role is called, and what it may. */
export const ROLE_WORDS: Readonly<Record<Role, { name: string; may: string }>> = {
  viewer: { name: "Viewer", may: "watches sessions, live and replayed" },
  member: { name: "Member", may: "also shares, comments on and pins sessions, imports, works on issues and helps visitors" },
  admin: { name: "Admin", may: "also changes settings, keys and people, and erases" },
  owner: { name: "Owner", may: "also removes the project and makes owners" },
};

/** True where `role` is `least` or more. */
export function isAtLeast(role: Role | null, least: Role): boolean {
  return role !== null && ROLES.indexOf(role) >= ROLES.indexOf(least);
}

/** Why something is not allowed, for a person; empty where it is. */
export function whyNot(role: Role | null, least: Role): string {
  if (isAtLeast(role, least)) return "";
  const needed = ROLE_WORDS[least].name.toLowerCase();
  if (role === null) return `This takes the role ${needed} in the project.`;
  return `This takes the role ${needed} in the project; yours is ${ROLE_WORDS[role].name.toLowerCase()}.`;
}

/** The roles that somebody with this role may give: admins everything below owner, owners all. */
export function rolesToGive(role: Role | null): readonly Role[] {
  if (role === "owner") return ROLES;
  return role === "admin" ? ROLES.filter((one) => one !== "owner") : [];
}
