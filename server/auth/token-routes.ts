/** Bearer tokens: made and revoked by people, never by tokens. */

import { randomBytes } from "node:crypto";
import * as v from "valibot";
import { at, cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, HttpResponse, Route } from "../net/route.ts";
import { requireRole, roleIn, SCOPES } from "./identity.ts";
import { hashSecret } from "./cookies.ts";
import { type AuthRoom, person } from "./room.ts";
import { insertToken, listTokens, listTokensOf, revokeToken } from "./token-queries.ts";
import { readUser } from "./user-queries.ts";

const MAX_TOKENS = 200;
const HINT_LENGTH = 4;

const newToken = v.object({
  name: v.pipe(v.string(), v.transform(cleanText), v.trim(), v.minLength(1), v.maxLength(100)),
  scopes: v.optional(v.pipe(v.array(v.picklist(SCOPES)), v.minLength(1), v.maxLength(SCOPES.length)), ["read"]),
  projectId: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))), null),
  expiresAt: v.optional(v.nullable(at), null),
});

/** The rows of the route table about bearer tokens. */
export function createTokenRoutes(room: AuthRoom): readonly Route[] {
  const { db, clock, audit, rights } = room;
  return [
    {
      method: "GET",
      path: "/v1/tokens",
      access: "signed-in",
      summary: "Your bearer tokens, without the tokens themselves",
      handle: async ({ identity }) => ({ json: { tokens: await listTokens(db, person(identity).userId) } }),
    },
    {
      method: "POST",
      path: "/v1/tokens",
      access: "signed-in",
      summary: "Makes a bearer token, shown once: {name, scopes?, projectId?, expiresAt?}",
      handle: (request) => createToken(room, request),
    },
    {
      method: "DELETE",
      path: "/v1/tokens/:id",
      access: "signed-in",
      summary: "Revokes a bearer token: yours, one bound to a project that you run, or, as an administrator, any",
      handle: async ({ identity, params, peer }) => {
        const actor = person(identity);
        const id = readId(params["id"]);
        const projectIds = [...actor.roles].filter(([, role]) => role === "admin" || role === "owner").map(([one]) => one);
        await db.transaction(async (tx) => {
          const token = await revokeToken(tx, id, { userId: actor.userId, isAdmin: actor.isAdmin, projectIds }, clock.now());
          if (!token) throw notFound();
          const { name, userId, projectId } = token;
          await audit.record(
            {
              action: "token_revoked",
              actor,
              peer,
              projectId,
              subject: { kind: "token", id: String(id) },
              data: { name, userId },
            },
            tx,
          );
        });
        await rights.changed();
        return { json: { revoked: true } };
      },
    },
    {
      method: "GET",
      path: "/v1/projects/:id/tokens",
      access: "signed-in",
      role: "admin",
      summary: "The bearer tokens that are bound to a project, and whose they are",
      handle: async ({ identity, params }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "admin");
        return { json: { tokens: await listTokensOf(db, projectId) } };
      },
    },
  ];
}

async function createToken(room: AuthRoom, { body, identity, peer }: HttpRequest): Promise<HttpResponse> {
  const owner = person(identity);
  const wanted = readBody(newToken, body);
  const { projectId, expiresAt } = wanted;
  if (projectId !== null) requireRole(identity, projectId, wanted.scopes.includes("admin") ? "admin" : "viewer");
  else if (wanted.scopes.includes("admin") && !owner.isAdmin)
    throw new AppError("forbidden", "without a project, only administrators give the scope admin");
  const needsMember = wanted.scopes.includes("ingest") || wanted.scopes.includes("sourcemaps") || wanted.scopes.includes("embed");
  if (needsMember && projectId !== null && roleIn(identity, projectId) === "viewer")
    throw new AppError("forbidden", "this takes the role member in the project");
  const now = room.clock.now();
  if (expiresAt !== null && expiresAt <= now) throw new AppError("protocol", "expiresAt: expected a time to come");
  if ((await listTokens(room.db, owner.userId)).length >= MAX_TOKENS)
    throw new AppError("limit", `at most ${MAX_TOKENS} tokens each`);
  const token = randomBytes(20).toString("hex");
  const scopes = [...new Set(wanted.scopes)];
  const summary = await room.db.transaction(async (tx) => {
    // What is known of an identity may be 2 s old, and a token outlives that.
    if (!(await readUser(tx, owner.userId))) throw new AppError("auth", "sign in first");
    const made = await insertToken(tx, {
      hash: hashSecret(token),
      userId: owner.userId,
      projectId,
      name: wanted.name,
      scopes,
      hint: token.slice(0, HINT_LENGTH),
      createdAt: now,
      expiresAt,
    });
    await room.audit.record(
      {
        action: "token_made",
        actor: owner,
        peer,
        projectId,
        subject: { kind: "token", id: String(made.id) },
        data: { name: made.name, scopes, expiresAt },
      },
      tx,
    );
    return made;
  });
  return { status: 201, json: { ...summary, token } };
}
