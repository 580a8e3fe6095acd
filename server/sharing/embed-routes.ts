/** Routes of embedding: whose pages may, and the tokens that show a session there. */

import * as v from "valibot";
import { AppError } from "../app-error.ts";
import { actorOf } from "../audit-trail.ts";
import { requireEmbed, requireRole } from "../auth/auth.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, HttpResponse, Route } from "../net/route.ts";
import { toOriginPattern } from "../projects/projects.ts";
import { MAX_EMBED_MS, signEmbedToken } from "./embed-token.ts";
import { endEmbedTokens, ensureEmbedding, readEmbedding, saveOrigins } from "./link-queries.ts";
import { checkRange, rangeEntries } from "./link-routes.ts";
import { type SharingRoom, userOf } from "./room.ts";

const MAX_ORIGINS = 50;
const DEFAULT_SECONDS = 15 * 60;
const MIN_SECONDS = 10;

const originsBody = v.strictObject({ origins: v.pipe(v.array(v.pipe(v.string(), v.maxLength(253))), v.maxLength(MAX_ORIGINS)) });
const tokenBody = v.strictObject({
  ...rangeEntries,
  showsPanels: v.optional(v.boolean(), false),
  expiresInSec: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(MIN_SECONDS), v.maxValue(MAX_EMBED_MS / 1_000)),
    DEFAULT_SECONDS,
  ),
});

/** The rows of the route table. */
export function createEmbedRoutes(room: SharingRoom): readonly Route[] {
  const { db, audit } = room;
  return [
    {
      method: "GET",
      path: "/v1/projects/:id/embedding",
      access: "signed-in",
      role: "admin",
      summary: "Whose pages may show sessions of a project in a frame",
      handle: async ({ params, identity }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "admin");
        const { origins } = await readEmbedding(db, projectId);
        return { json: { projectId, origins } };
      },
    },
    {
      method: "PUT",
      path: "/v1/projects/:id/embedding",
      access: "signed-in",
      role: "admin",
      summary: "Says whose pages may: {origins}, e.g. https://crm.example.com or https://*.example.com; none by default",
      handle: async ({ params, identity, body, peer }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "admin");
        const origins = readBody(originsBody, body).origins.map((origin, index) => {
          const known = toOriginPattern(origin);
          if (known === null) throw new AppError("protocol", `origins.${index}: expected an origin, as https://crm.example.com`);
          return known;
        });
        const once = [...new Set(origins)];
        await db.transaction(async (tx) => {
          await saveOrigins(tx, projectId, once);
          await audit.record(
            { action: "embedding_changed", actor: actorOf(identity), peer, projectId, data: { origins: once } },
            tx,
          );
        });
        return { json: { projectId, origins: once } };
      },
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id/embed-tokens",
      access: "signed-in",
      role: "admin",
      summary: "Ends every embed token of a project that was made so far, and the views that it shows",
      handle: async ({ params, identity, peer }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "admin");
        await db.transaction(async (tx) => {
          await endEmbedTokens(tx, projectId);
          await audit.record({ action: "embedding_ended", actor: actorOf(identity), peer, projectId }, tx);
        });
        return { json: { ended: true } };
      },
    },
    {
      method: "POST",
      path: "/v1/sessions/:id/embed-tokens",
      access: "signed-in",
      role: "member",
      scope: "embed",
      summary:
        "Makes a token that shows a session in a frame for a while: {fromAt?, toAt?, showsPanels?, expiresInSec?}; takes the scope embed",
      handle: (request) => makeToken(room, request),
    },
  ];
}

async function makeToken(room: SharingRoom, { params, identity, body, peer }: HttpRequest): Promise<HttpResponse> {
  const found = await room.shown.find(params["id"] ?? "");
  if (!found) throw notFound();
  const { sessionId, projectId, userId: personId } = found.session;
  requireEmbed(identity, projectId);
  const { fromAt, toAt, showsPanels, expiresInSec } = readBody(tokenBody, body);
  checkRange({ fromAt, toAt });
  const { generation } = await ensureEmbedding(room.db, projectId);
  const expires = room.clock.now() + expiresInSec * 1_000;
  const facts = { project: projectId, session: sessionId, from: fromAt, to: toAt, panels: showsPanels };
  const token = signEmbedToken(room.secret, { ...facts, user: userOf(identity), generation, expires });
  await room.audit.record({
    action: "embed_token_made",
    actor: actorOf(identity),
    peer,
    projectId,
    subject: { kind: "session", id: sessionId },
    personId,
    data: { range: fromAt !== null, panels: showsPanels, expiresAt: expires },
  });
  return { status: 201, json: { token, expiresAt: expires, url: `${room.publicUrl}/embed/${projectId}#${token}` } };
}
