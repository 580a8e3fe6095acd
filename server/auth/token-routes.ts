/** `GET`, `POST /v1/tokens` and `DELETE /v1/tokens/:id`: bearer tokens, made and revoked by people, never by tokens. */

import { randomBytes } from "node:crypto";
import * as v from "valibot";
import { at, cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { type Identity, maySee } from "./identity.ts";
import { hashSecret } from "./cookies.ts";
import { insertToken, listTokens, revokeToken } from "./token-queries.ts";

/**
 * - `read`: sessions, errors and issues of the projects its owner may see
 * - `sourcemaps`: uploads of source maps
 * - `admin`: everything that an administrator may; only administrators can give it
 */
const SCOPES = ["read", "sourcemaps", "admin"] as const;
const MAX_TOKENS = 200;
const HINT_LENGTH = 4;

const newToken = v.object({
  name: v.pipe(v.string(), v.transform(cleanText), v.trim(), v.minLength(1), v.maxLength(100)),
  scopes: v.optional(v.pipe(v.array(v.picklist(SCOPES)), v.minLength(1), v.maxLength(SCOPES.length)), ["read"]),
  projectId: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))), null),
  expiresAt: v.optional(v.nullable(at), null),
});

/** What the routes are built from. */
export interface TokenRoutesDeps {
  db: Queryable;
  clock: Clock;
  /** A token was revoked: what is remembered of it must go. */
  onRevoked: () => Promise<void>;
}

/** The rows of the route table about bearer tokens. */
export function createTokenRoutes({ db, clock, onRevoked }: TokenRoutesDeps): readonly Route[] {
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
      handle: (request) => createToken(db, clock, request),
    },
    {
      method: "DELETE",
      path: "/v1/tokens/:id",
      access: "signed-in",
      summary: "Revokes a bearer token of yours; an administrator may revoke anybody's",
      handle: async ({ identity, params }) => {
        const { userId, isAdmin } = person(identity);
        if (!(await revokeToken(db, readId(params["id"]), isAdmin ? null : userId))) throw notFound();
        await onRevoked();
        return { json: { revoked: true } };
      },
    },
  ];
}

async function createToken(db: Queryable, clock: Clock, { body, identity }: HttpRequest) {
  const owner = person(identity);
  const wanted = readBody(newToken, body);
  if (wanted.scopes.includes("admin") && !owner.isAdmin)
    throw new AppError("forbidden", "only administrators give the scope admin");
  if (wanted.projectId !== null && !maySee(identity, wanted.projectId)) throw notFound();
  if (wanted.expiresAt !== null && wanted.expiresAt <= clock.now())
    throw new AppError("protocol", "expiresAt: expected a time to come");
  if ((await listTokens(db, owner.userId)).length >= MAX_TOKENS) throw new AppError("limit", `at most ${MAX_TOKENS} tokens each`);
  const token = randomBytes(20).toString("hex");
  const summary = await insertToken(db, {
    hash: hashSecret(token),
    userId: owner.userId,
    projectId: wanted.projectId,
    name: wanted.name,
    scopes: [...new Set(wanted.scopes)],
    hint: token.slice(0, HINT_LENGTH),
    expiresAt: wanted.expiresAt,
  });
  return { status: 201, json: { ...summary, token } };
}

/** A stolen token must not be able to make itself another one. */
function person(identity: Identity) {
  if (identity.kind === "user") return identity;
  throw new AppError("forbidden", "tokens are managed by people who are signed in");
}
