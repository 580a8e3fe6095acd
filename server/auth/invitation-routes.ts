/** Inviting people into a project: by a link that works once, for one address and one role, and that its maker hands over himself. */

import * as v from "valibot";
import { AppError } from "../app-error.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, HttpResponse, Route } from "../net/route.ts";
import { createSecret, hashSecret } from "./cookies.ts";
import { isBelow, requireRole, ROLES } from "./identity.ts";
import { insertLink, listInvitations, revokeInvitation } from "./link-queries.ts";
import { listMembers, lockProject, readActingRole } from "./member-queries.ts";
import { beyondOwnRole } from "./member-routes.ts";
import { type AuthRoom, emailSchema, person } from "./room.ts";

const LIFE_MS = 7 * 24 * 3_600_000;
const MAX_OPEN = 200;

const newInvitation = v.object({ email: emailSchema, role: v.picklist(ROLES) });

/** The rows of the route table about invitations into a project. */
export function createInvitationRoutes(room: AuthRoom): readonly Route[] {
  const { db, clock, audit } = room;
  return [
    {
      method: "GET",
      path: "/v1/projects/:id/invitations",
      access: "signed-in",
      role: "admin",
      summary: "Invitations that can still be accepted, without their links",
      handle: async ({ identity, params }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "admin");
        return { json: { invitations: await listInvitations(db, projectId, clock.now()) } };
      },
    },
    {
      method: "POST",
      path: "/v1/projects/:id/invitations",
      access: "signed-in",
      role: "admin",
      summary: "Invites somebody: {email, role}; the link is shown once, works once, and for seven days",
      handle: (request) => invite(room, request),
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id/invitations/:invitationId",
      access: "signed-in",
      role: "admin",
      summary: "Takes an invitation back: its link stops working",
      handle: async ({ identity, params, peer }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "admin");
        const actor = person(identity);
        const id = readId(params["invitationId"]);
        await db.transaction(async (tx) => {
          const gone = await revokeInvitation(tx, projectId, id, clock.now());
          if (!gone) throw notFound();
          const subject = { kind: "invitation", id: String(id) };
          await audit.record({ action: "invitation_revoked", actor, peer, projectId, subject, data: gone }, tx);
        });
        return { json: { revoked: true } };
      },
    },
  ];
}

async function invite(room: AuthRoom, { identity, params, body, peer }: HttpRequest): Promise<HttpResponse> {
  const projectId = readId(params["id"]);
  requireRole(identity, projectId, "admin");
  const actor = person(identity);
  const { email, role } = readBody(newInvitation, body);
  const secret = createSecret();
  const now = room.clock.now();
  const expiresAt = now + LIFE_MS;
  const id = await room.db.transaction(async (tx) => {
    if (!(await lockProject(tx, projectId))) throw notFound();
    const mine = await readActingRole(tx, projectId, actor.userId);
    if (mine === null) throw notFound();
    if (isBelow(mine, "admin") || isBelow(mine, role)) throw beyondOwnRole();
    const members = await listMembers(tx, projectId);
    if (members.some((member) => member.email.toLowerCase() === email.toLowerCase()))
      throw new AppError("protocol", "email: this person belongs to the project already");
    if ((await listInvitations(tx, projectId, now)).length >= MAX_OPEN)
      throw new AppError("limit", `at most ${MAX_OPEN} open invitations a project`);
    const hash = hashSecret(secret);
    const made = await insertLink(tx, { hash, kind: "invitation", email, projectId, role, madeBy: actor.userId, now, expiresAt });
    const subject = { kind: "invitation", id: String(made) };
    await room.audit.record({ action: "invitation_made", actor, peer, projectId, subject, data: { email, role } }, tx);
    return made;
  });
  return { status: 201, json: { id, email, role, url: `${room.publicUrl}/invite#token=${secret}`, createdAt: now, expiresAt } };
}
