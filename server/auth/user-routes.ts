/** What administrators do about people: who there is, who is one of them, who may not sign in, and links to new passwords. */

import * as v from "valibot";
import { AppError } from "../app-error.ts";
import type { AuditAction } from "../audit-trail.ts";
import type { Queryable } from "../db/db.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, HttpResponse, Route } from "../net/route.ts";
import { createSecret, hashSecret } from "./cookies.ts";
import { insertLink, revokeLinksBeyond, revokeResetLinks } from "./link-queries.ts";
import { type AuthRoom, person } from "./room.ts";
import { deleteSignInsOf } from "./sign-in-queries.ts";
import { revokeTokensBeyond } from "./token-queries.ts";
import { hasAdministrator, listUsers, lockAdministrators, readUser, readUserSummary, updateUser } from "./user-queries.ts";

const RESET_LIFE_MS = 24 * 3_600_000;

const userChange = v.object({ isAdmin: v.optional(v.boolean()), disabled: v.optional(v.boolean()) });

/** The rows of the route table about people. */
export function createUserRoutes(room: AuthRoom): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/v1/users",
      access: "admin",
      summary: "Everybody who has an account, with roles",
      handle: async () => ({ json: { users: await listUsers(room.db) } }),
    },
    {
      method: "PATCH",
      path: "/v1/users/:id",
      access: "admin",
      summary:
        "Makes somebody an administrator or not, disables or enables an account: {isAdmin?, disabled?}; never the last one",
      handle: (request) => change(room, request),
    },
    {
      method: "POST",
      path: "/v1/users/:id/reset-link",
      access: "admin",
      summary: "Makes a link to a new password for somebody: shown once, works once, for a day",
      handle: (request) => makeResetLink(room, request),
    },
  ];
}

async function change(room: AuthRoom, { identity, params, body, peer }: HttpRequest): Promise<HttpResponse> {
  const actor = person(identity);
  const userId = readId(params["id"]);
  const now = room.clock.now();
  const { user, isNews } = await room.db.transaction(async (tx) => {
    await requireAdministrator(tx, actor.userId);
    const before = await readUserSummary(tx, userId);
    if (!before) throw notFound();
    const wanted = readBody(userChange, body);
    const isAdmin = wanted.isAdmin ?? before.isAdmin;
    const disabled = wanted.disabled ?? before.disabled;
    if (disabled && userId === actor.userId) throw new AppError("forbidden", "nobody disables his own account");
    if (before.isAdmin && !before.disabled && (!isAdmin || disabled) && !(await hasAdministrator(tx, userId)))
      throw new AppError("forbidden", "an installation keeps at least one administrator: make somebody else one first");
    await updateUser(tx, userId, { isAdmin, disabled, now });
    const deeds: AuditAction[] = [];
    if (isAdmin !== before.isAdmin) deeds.push(isAdmin ? "administrator_made" : "administrator_unmade");
    if (disabled !== before.disabled) deeds.push(disabled ? "user_disabled" : "user_enabled");
    const ended = disabled ? await deleteSignInsOf(tx, userId) : 0;
    if (disabled) await revokeResetLinks(tx, before.email, now);
    await revokeLinksBeyond(tx, userId, now);
    const tokensRevoked = await revokeTokensBeyond(tx, userId, now);
    for (const action of deeds) {
      const subject = { kind: "user", id: String(userId) };
      await room.audit.record({ action, actor, peer, subject, data: { email: before.email, ended, tokensRevoked } }, tx);
    }
    return { user: await readUserSummary(tx, userId), isNews: deeds.length > 0 };
  });
  if (isNews) await room.rights.changed();
  return { json: user };
}

async function makeResetLink(room: AuthRoom, { identity, params, peer }: HttpRequest): Promise<HttpResponse> {
  const actor = person(identity);
  const userId = readId(params["id"]);
  const secret = createSecret();
  const now = room.clock.now();
  const expiresAt = now + RESET_LIFE_MS;
  await room.db.transaction(async (tx) => {
    await requireAdministrator(tx, actor.userId);
    const user = await readUserSummary(tx, userId);
    if (!user) throw notFound();
    if (user.disabled) throw new AppError("forbidden", "this account is disabled: enable it first");
    const { email } = user;
    await insertLink(tx, {
      hash: hashSecret(secret),
      kind: "password_reset",
      email,
      projectId: null,
      role: null,
      madeBy: actor.userId,
      now,
      expiresAt,
    });
    const subject = { kind: "user", id: String(userId) };
    await room.audit.record({ action: "password_reset_link_made", actor, peer, subject, data: { email } }, tx);
  });
  return { status: 201, json: { url: `${room.publicUrl}/invite#token=${secret}`, expiresAt } };
}

/** As the database has it now: of two administrators who unmake each other, the second is none any more. */
async function requireAdministrator(tx: Queryable, userId: number): Promise<void> {
  await lockAdministrators(tx);
  if ((await readUser(tx, userId))?.is_admin !== true) throw new AppError("forbidden", "this takes an administrator");
}
