/**
 * Embed tokens: short-lived, signed, and never stored. What a token shows is in it; whether it still may is looked at with every use.
 *
 * `wbe1.<base64url of JSON>.<base64url of HMAC-SHA-256>`
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import * as v from "valibot";
import { isSessionId } from "../../protocol/ids.ts";
import { at, natural } from "../../protocol/text.ts";

/** Longest that a token may be good for. */
export const MAX_EMBED_MS = 60 * 60_000;
const PREFIX = "wbe1.";
const MAX_LENGTH = 1_024;
const SHAPE = /^wbe1\.([A-Za-z0-9_-]{1,800})\.([A-Za-z0-9_-]{43})$/;

const claimsSchema = v.strictObject({
  project: natural,
  session: v.custom<string>(isSessionId),
  /** Who made it. */
  user: natural,
  /** Page times; null for the whole session. */
  from: v.nullable(at),
  to: v.nullable(at),
  panels: v.boolean(),
  /** Of the project's embedding; an earlier one is no longer good. */
  generation: natural,
  /** Epoch milliseconds by the server's clock. */
  expires: at,
});
export type EmbedClaims = v.InferOutput<typeof claimsSchema>;

/** Makes a token. */
export function signEmbedToken(secret: string, claims: EmbedClaims): string {
  const body = Buffer.from(JSON.stringify(claims)).toString("base64url");
  return `${PREFIX}${body}.${sign(secret, body).toString("base64url")}`;
}

/** What a token says; null where it is not one of ours, was changed, or is over by `now`. */
export function readEmbedToken(secret: string, token: string, now: number): EmbedClaims | null {
  if (token.length > MAX_LENGTH) return null;
  const [, body = "", signature = ""] = SHAPE.exec(token) ?? [];
  const expected = sign(secret, body);
  const given = Buffer.from(signature, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  try {
    const claims = v.safeParse(claimsSchema, JSON.parse(Buffer.from(body, "base64url").toString()));
    if (!claims.success) return null;
    const { expires } = claims.output;
    return expires > now && expires <= now + MAX_EMBED_MS ? claims.output : null;
  } catch {
    return null;
  }
}

/** The words before the body keep this signature from ever being one of something else under the same secret. */
function sign(secret: string, body: string): Buffer {
  return createHmac("sha256", secret).update(`watchback embed token\n${body}`).digest();
}
