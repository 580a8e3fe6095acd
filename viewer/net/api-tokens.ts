/** Bearer tokens of the reader. */

import * as v from "valibot";
import { request } from "./api.ts";

const tokenSchema = v.object({
  id: v.number(),
  name: v.string(),
  hint: v.string(),
  scopes: v.array(v.string()),
  projectId: v.nullable(v.number()),
  createdAt: v.number(),
  lastUsedAt: v.nullable(v.number()),
  expiresAt: v.nullable(v.number()),
  /** Whose it is; only in the list of a project. */
  ownerEmail: v.optional(v.string()),
});
export type Token = v.InferOutput<typeof tokenSchema>;

const newTokenSchema = v.object({ ...tokenSchema.entries, token: v.string() });
/** A token with its secret, shown once. */
export type NewToken = v.InferOutput<typeof newTokenSchema>;

/** What a token may be for. */
export const SCOPES = ["read", "ingest", "sourcemaps", "embed", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** What is asked for. */
export interface TokenWish {
  name: string;
  scopes: readonly Scope[];
  /** Null: all projects of its owner. */
  projectId: number | null;
  /** Epoch milliseconds; null: until it is revoked. */
  expiresAt: number | null;
}

/** The reader's bearer tokens, without the tokens themselves. */
export async function readTokens(): Promise<Token[]> {
  return (await request("GET", "/v1/tokens", v.object({ tokens: v.array(tokenSchema) }))).tokens;
}

/** The bearer tokens that are bound to a project, whoever's they are; for its admins. */
export async function readProjectTokens(projectId: number): Promise<Token[]> {
  return (await request("GET", `/v1/projects/${projectId}/tokens`, v.object({ tokens: v.array(tokenSchema) }))).tokens;
}

/** Makes a bearer token; the answer holds it, this once. */
export function createToken(wish: TokenWish): Promise<NewToken> {
  return request("POST", "/v1/tokens", newTokenSchema, { body: wish });
}

/** Makes a bearer token useless. */
export async function revokeToken(id: number): Promise<void> {
  await request("DELETE", `/v1/tokens/${id}`, v.unknown());
}
