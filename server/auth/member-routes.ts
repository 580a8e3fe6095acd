/** Who belongs to a project, and as what. Nobody touches somebody above himself, and a project keeps an owner. */

import * as v from "valibot";
import { AppError } from "../app-error.ts";
import type { Queryable } from "../db/db.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { Route } from "../net/route.ts";
import { isBelow, type Identity, requireRole, type Role, ROLES } from "./identity.ts";
import { revokeLinksBeyond } from "./link-queries.ts";
import {
  deleteMember,
  hasOtherOwner,
  listMembers,
  lockProject,
  readActingRole,
  readMember,
  updateMember,
} from "./member-queries.ts";
import { type AuthRoom, person } from "./room.ts";
import { revokeTokensBeyond } from "./token-queries.ts";

const roleChange = v.object({ role: v.picklist(ROLES) });

/** The rows of the route table about members. */
export function createMemberRoutes(room: AuthRoom): readonly Route[] {
  const { db, clock, audit, rights } = room;
  return [
    {
      method: "GET",
      path: "/v1/projects/:id/members",
      access: "signed-in",
      role: "viewer",
      summary: "Who belongs to a project, and as what",
      handle: async ({ identity, params }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "viewer");
        return { json: { members: await listMembers(db, projectId) } };
      },
    },
    {
      method: "PATCH",
      path: "/v1/projects/:id/members/:userId",
      access: "signed-in",
      role: "admin",
      summary: "Gives a member another role: {role}; never one above your own, and never the last owner's",
      handle: async ({ identity, params, body, peer }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "admin");
        const actor = person(identity);
        const userId = readId(params["userId"]);
        const changed = await db.transaction(async (tx) => {
          const { mine, member } = await lockPair(tx, projectId, identity, userId);
          requireAtLeast(mine, "admin");
          const { role } = readBody(roleChange, body);
          if (isBelow(mine, member.role) || isBelow(mine, role)) throw beyondOwnRole();
          if (member.role === role) return { role, isNews: false };
          if (member.role === "owner") await keepAnOwner(tx, projectId, userId);
          await updateMember(tx, projectId, userId, role);
          const tokensRevoked = await withdraw(tx, userId, clock.now());
          await audit.record(
            {
              action: "member_role_changed",
              actor,
              peer,
              projectId,
              subject: { kind: "user", id: String(userId) },
              data: { email: member.email, from: member.role, to: role, tokensRevoked },
            },
            tx,
          );
          return { role, isNews: true };
        });
        if (changed.isNews) await rights.changed();
        return { json: { userId, role: changed.role } };
      },
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id/members/:userId",
      access: "signed-in",
      role: "admin",
      summary: "Ends a membership, with the tokens that are bound to it; anybody may end his own",
      handle: async ({ identity, params, peer }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "viewer");
        const actor = person(identity);
        const userId = readId(params["userId"]);
        await db.transaction(async (tx) => {
          const { mine, member } = await lockPair(tx, projectId, identity, userId);
          if (actor.userId !== userId) {
            requireAtLeast(mine, "admin");
            if (isBelow(mine, member.role)) throw beyondOwnRole();
          }
          if (member.role === "owner") await keepAnOwner(tx, projectId, userId);
          await deleteMember(tx, projectId, userId);
          const tokensRevoked = await withdraw(tx, userId, clock.now());
          await audit.record(
            {
              action: "member_removed",
              actor,
              peer,
              projectId,
              subject: { kind: "user", id: String(userId) },
              data: { email: member.email, role: member.role, tokensRevoked },
            },
            tx,
          );
        });
        await rights.changed();
        return { json: { removed: true } };
      },
    },
  ];
}

/**
 * The project, the role of who asks and the member, as the database has them now: what is known of an identity may be 2 s old.
 * @throws AppError `not_found` where any of the three is not there
 */
async function lockPair(tx: Queryable, projectId: number, identity: Identity, userId: number) {
  const actor = person(identity);
  if (!(await lockProject(tx, projectId))) throw notFound();
  const mine = await readActingRole(tx, projectId, actor.userId);
  if (mine === null) throw notFound();
  const member = await readMember(tx, projectId, userId);
  if (!member) {
    requireAtLeast(mine, "admin");
    throw notFound();
  }
  return { mine, member };
}

function requireAtLeast(mine: Role, least: Role): void {
  if (isBelow(mine, least)) throw new AppError("forbidden", `this takes the role ${least} in the project`);
}

async function keepAnOwner(tx: Queryable, projectId: number, userId: number): Promise<void> {
  if (!(await hasOtherOwner(tx, projectId, userId)))
    throw new AppError("forbidden", "a project keeps at least one owner: make somebody else owner first");
}

/** With a role go the links and tokens that only that role could make; how many tokens. */
async function withdraw(tx: Queryable, userId: number, now: number): Promise<number> {
  await revokeLinksBeyond(tx, userId, now);
  return revokeTokensBeyond(tx, userId, now);
}

/** Nobody gives, or takes away, what is above his own role. */
export function beyondOwnRole(): AppError {
  return new AppError("forbidden", "this is above your own role in the project");
}
