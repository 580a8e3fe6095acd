/** Members of projects, invitations, the links in them, and the users of the installation. */

import * as v from "valibot";
import { request } from "./api.ts";
import { roleSchema, type Role } from "./roles.ts";

const memberSchema = v.object({
  userId: v.number(),
  email: v.string(),
  role: roleSchema,
  addedAt: v.nullish(v.number(), null),
  isAdmin: v.optional(v.boolean(), false),
});
export type Member = v.InferOutput<typeof memberSchema>;

const invitationSchema = v.object({
  id: v.number(),
  email: v.string(),
  role: roleSchema,
  createdAt: v.optional(v.number(), 0),
  expiresAt: v.number(),
});
export type Invitation = v.InferOutput<typeof invitationSchema>;

const newInvitationSchema = v.object({ id: v.number(), url: v.string(), expiresAt: v.number() });
const linkSchema = v.object({ url: v.string(), expiresAt: v.number() });
/** A link that is shown once. */
export type OneTimeLink = v.InferOutput<typeof linkSchema>;

const openInvitationSchema = v.object({
  kind: v.picklist(["invitation", "password_reset"]),
  email: v.string(),
  projectName: v.nullish(v.string(), ""),
  role: v.nullish(roleSchema, null),
  /** True where somebody with this address has an account: then its password is asked for, else a new one is chosen. */
  hasAccount: v.optional(v.boolean(), false),
  /** False where the right person is signed in in this browser already. */
  needsPassword: v.boolean(),
});
/** What a link invites to. */
export type OpenInvitation = v.InferOutput<typeof openInvitationSchema>;

const accountSchema = v.object({
  id: v.number(),
  email: v.string(),
  isAdmin: v.boolean(),
  disabled: v.boolean(),
  createdAt: v.nullish(v.number(), null),
  lastSeenAt: v.nullish(v.number(), null),
  roles: v.optional(v.record(v.string(), roleSchema), {}),
});
/** A user of the installation, as administrators see him. */
export type Account = v.InferOutput<typeof accountSchema>;

const members = (projectId: number): string => `/v1/projects/${projectId}/members`;
const invitations = (projectId: number): string => `/v1/projects/${projectId}/invitations`;

/** Who belongs to a project. */
export async function readMembers(projectId: number): Promise<Member[]> {
  return (await request("GET", members(projectId), v.object({ members: v.array(memberSchema) }))).members;
}

/** Gives a member another role; his open sockets are cut. */
export async function changeRole(projectId: number, userId: number, role: Role): Promise<void> {
  await request("PATCH", `${members(projectId)}/${userId}`, v.unknown(), { body: { role } });
}

/** Takes a member out of a project. */
export async function removeMember(projectId: number, userId: number): Promise<void> {
  await request("DELETE", `${members(projectId)}/${userId}`, v.unknown());
}

/** The invitations that are open. */
export async function readInvitations(projectId: number): Promise<Invitation[]> {
  const schema = v.object({ invitations: v.array(invitationSchema) });
  return (await request("GET", invitations(projectId), schema)).invitations;
}

/** Invites somebody; the link in the answer is shown this once. */
export function invite(projectId: number, email: string, role: Role): Promise<OneTimeLink & { id: number }> {
  return request("POST", invitations(projectId), newInvitationSchema, { body: { email, role } });
}

/** Makes the link of an invitation useless. */
export async function revokeInvitation(projectId: number, id: number): Promise<void> {
  await request("DELETE", `${invitations(projectId)}/${id}`, v.unknown());
}

/** What a link invites to. @throws ApiError 404 or 410 where it cannot be used (any more) */
export function readInvitation(token: string): Promise<OpenInvitation> {
  return request("POST", "/auth/invitation/look", openInvitationSchema, { body: { token } });
}

/** Accepts a link, with a password where one is asked for; the browser is signed in afterwards. */
export async function acceptInvitation(token: string, password: string): Promise<void> {
  await request("POST", "/auth/invitation", v.unknown(), { body: password === "" ? { token } : { token, password } });
}

/** All users; for administrators. */
export async function readUsers(): Promise<Account[]> {
  return (await request("GET", "/v1/users", v.object({ users: v.array(accountSchema) }))).users;
}

/** Makes somebody administrator or disables him, or takes that back; for administrators. */
export async function changeUser(id: number, change: { isAdmin?: boolean; disabled?: boolean }): Promise<void> {
  await request("PATCH", `/v1/users/${id}`, v.unknown(), { body: change });
}

/** Makes a link with which somebody sets a new password; for administrators. */
export function createResetLink(id: number): Promise<OneTimeLink> {
  return request("POST", `/v1/users/${id}/reset-link`, linkSchema, { body: {} });
}
