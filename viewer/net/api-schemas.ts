/** What the server's JSON answers look like: checked on arrival, so that a page never meets a shape it does not know. */

import * as v from "valibot";
import { MARKER_KINDS } from "../../protocol/markers.ts";
import { sessionSummarySchema, tabSummarySchema } from "../../protocol/session.ts";

const scalar = v.union([v.string(), v.number(), v.boolean(), v.null()]);

export const userSchema = v.object({
  id: v.number(),
  email: v.optional(v.string(), ""),
  isAdmin: v.boolean(),
  projectIds: v.optional(v.array(v.number()), []),
});
export type User = v.InferOutput<typeof userSchema>;

export const projectSchema = v.object({ id: v.number(), name: v.string(), slug: v.string(), keys: v.array(v.string()) });
export type Project = v.InferOutput<typeof projectSchema>;

export const sessionPageSchema = v.object({
  sessions: v.array(sessionSummarySchema),
  nextCursor: v.nullish(v.string(), null),
});
export type SessionPage = v.InferOutput<typeof sessionPageSchema>;

const storedMarkerSchema = v.object({
  kind: v.picklist(MARKER_KINDS),
  at: v.number(),
  name: v.optional(v.string(), ""),
  text: v.optional(v.string(), ""),
  data: v.optional(v.record(v.string(), scalar), {}),
  tab: v.string(),
  errorId: v.optional(v.nullable(v.string()), null),
});

export const sessionDetailSchema = v.object({
  session: sessionSummarySchema,
  tabs: v.array(tabSummarySchema),
  markers: v.array(storedMarkerSchema),
  gaps: v.array(v.object({ tab: v.string(), fromSeq: v.number(), toSeq: v.number(), fromAt: v.number(), toAt: v.number() })),
  checkouts: v.array(v.object({ tab: v.string(), seq: v.number(), at: v.number() })),
});
export type SessionDetail = v.InferOutput<typeof sessionDetailSchema>;

export const errorDetailSchema = v.object({
  id: v.string(),
  sessionId: v.string(),
  tab: v.string(),
  at: v.number(),
  type: v.optional(v.string(), ""),
  message: v.optional(v.string(), ""),
  stack: v.optional(v.string(), ""),
  url: v.optional(v.string(), ""),
});
export type ErrorDetail = v.InferOutput<typeof errorDetailSchema>;

export const tokenSchema = v.object({
  id: v.number(),
  name: v.string(),
  hint: v.string(),
  scopes: v.array(v.string()),
  projectId: v.nullable(v.number()),
  createdAt: v.number(),
  lastUsedAt: v.nullable(v.number()),
  expiresAt: v.nullable(v.number()),
});
export type Token = v.InferOutput<typeof tokenSchema>;

export const newTokenSchema = v.object({ ...tokenSchema.entries, token: v.string() });
export type NewToken = v.InferOutput<typeof newTokenSchema>;
