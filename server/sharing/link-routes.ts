/** Routes of share links: made by members, seen and ended by members (their own) and admins (all). */

import { randomBytes } from "node:crypto";
import * as v from "valibot";
import { at } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import { actorOf } from "../audit-trail.ts";
import { isBelow, requireRole, roleIn } from "../auth/auth.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, HttpResponse, Route } from "../net/route.ts";
import { hashLinkSecret } from "./guests.ts";
import { findLink, insertLink, listLinks, revokeLink } from "./link-queries.ts";
import { findSession, optionalText, type SharingRoom, userOf } from "./room.ts";

const DAY_MS = 24 * 3_600_000;
/** Longest that a link may be good for, and how long one is that says nothing. */
export const MAX_LINK_MS = 90 * DAY_MS;
const DEFAULT_LINK_MS = 7 * DAY_MS;
const MAX_LINKS = 100;

/** A range of page time: both ends, or none. */
export const rangeEntries = { fromAt: v.optional(v.nullable(at), null), toAt: v.optional(v.nullable(at), null) };

const linkBody = v.strictObject({
  name: optionalText(120),
  ...rangeEntries,
  showsPanels: v.optional(v.boolean(), false),
  expiresAt: v.optional(at),
});

/** The rows of the route table. */
export function createLinkRoutes(room: SharingRoom): readonly Route[] {
  const { db, clock, audit } = room;
  return [
    {
      method: "GET",
      path: "/v1/sessions/:id/share-links",
      access: "signed-in",
      role: "member",
      summary: "The share links of a session that are still good, without their secrets",
      handle: async ({ params, identity }) => {
        const { session } = await findSession(room, params["id"], identity, "member");
        return { json: { links: await listLinks(db, session.projectId, session.sessionId, clock.now()) } };
      },
    },
    {
      method: "POST",
      path: "/v1/sessions/:id/share-links",
      access: "signed-in",
      role: "member",
      summary:
        "Makes a link that shows a session to whoever holds it: {name?, fromAt?, toAt?, showsPanels?, expiresAt?}; shown once",
      handle: (request) => makeLink(room, request),
    },
    {
      method: "GET",
      path: "/v1/projects/:id/share-links",
      access: "signed-in",
      role: "admin",
      summary: "The share links of a project that are still good, and how often they were opened",
      handle: async ({ params, identity }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "admin");
        return { json: { links: await listLinks(db, projectId, null, clock.now()) } };
      },
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id/share-links/:linkId",
      access: "signed-in",
      role: "member",
      summary: "Ends a share link: one's own; that of somebody else takes an admin",
      handle: async ({ params, identity, peer }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "member");
        const linkId = readId(params["linkId"]);
        const link = await findLink(db, projectId, linkId);
        if (!link) throw notFound();
        if (link.userId !== userOf(identity)) requireRole(identity, projectId, "admin");
        await db.transaction(async (tx) => {
          await revokeLink(tx, linkId, clock.now());
          await audit.record(
            {
              action: "share_link_revoked",
              actor: actorOf(identity),
              peer,
              projectId,
              subject: { kind: "session", id: link.sessionId },
              data: { link: linkId },
            },
            tx,
          );
        });
        return { json: { revoked: true } };
      },
    },
  ];
}

/**
 * Reads the ends of a range.
 * @throws AppError `protocol` where only one is given, or it ends before it begins
 */
export function checkRange({ fromAt, toAt }: { fromAt: number | null; toAt: number | null }): void {
  if ((fromAt === null) !== (toAt === null)) throw new AppError("protocol", "toAt: a range has a beginning and an end");
  if (fromAt !== null && toAt !== null && toAt <= fromAt) throw new AppError("protocol", "toAt: expected a time after fromAt");
}

async function makeLink(room: SharingRoom, { params, identity, body, peer }: HttpRequest): Promise<HttpResponse> {
  const { session } = await findSession(room, params["id"], identity, "member");
  const wish = readBody(linkBody, body);
  checkRange(wish);
  const now = room.clock.now();
  const expiresAt = wish.expiresAt ?? now + DEFAULT_LINK_MS;
  if (expiresAt <= now || expiresAt > now + MAX_LINK_MS)
    throw new AppError("protocol", "expiresAt: expected a time to come, at most 90 days from now");
  const secret = randomBytes(32).toString("base64url");
  const { projectId, sessionId } = session;
  const { name, fromAt, toAt, showsPanels } = wish;
  const userId = userOf(identity);
  const link = { sessionId, projectId, name, userId, fromAt, toAt, showsPanels, createdAt: now, expiresAt };
  const linkId = await room.db.transaction(async (tx) => {
    const id = await insertLink(tx, { ...link, hash: hashLinkSecret(secret) }, MAX_LINKS);
    if (id === null) throw new AppError("limit", `a session has at most ${MAX_LINKS} links at a time`);
    await room.audit.record(
      {
        action: "share_link_made",
        actor: actorOf(identity),
        peer,
        projectId,
        subject: { kind: "session", id: sessionId },
        personId: session.userId,
        data: { link: id, range: fromAt !== null, panels: showsPanels, expiresAt },
      },
      tx,
    );
    return id;
  });
  const isOnce = { secret, url: `${room.publicUrl}/share#${secret}` };
  return { status: 201, json: { linkId, ...link, ...isOnce } };
}

/** True for whoever runs the project. */
export function runsProject(identity: HttpRequest["identity"], projectId: number): boolean {
  const role = roleIn(identity, projectId);
  return role !== null && !isBelow(role, "admin");
}
