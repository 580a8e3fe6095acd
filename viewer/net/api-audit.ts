/** The audit: who did what, and who watched whom. */

import * as v from "valibot";
import { request, withQuery } from "./api.ts";

const entrySchema = v.object({
  id: v.union([v.string(), v.number()]),
  at: v.number(),
  action: v.string(),
  actor: v.object({
    kind: v.picklist(["user", "token", "system", "nobody", "guest"]),
    userId: v.nullish(v.number(), null),
    tokenId: v.nullish(v.number(), null),
    name: v.nullish(v.string(), ""),
  }),
  peer: v.nullish(v.string(), ""),
  projectId: v.nullish(v.number(), null),
  subject: v.nullish(v.object({ kind: v.string(), id: v.string() }), null),
  personId: v.nullish(v.string(), null),
  data: v.optional(v.record(v.string(), v.unknown()), {}),
});
export type AuditEntry = v.InferOutput<typeof entrySchema>;

const pageSchema = v.object({ entries: v.array(entrySchema), nextCursor: v.nullish(v.union([v.string(), v.number()]), null) });

/** What the audit can be asked for; empty texts and nulls ask for nothing. */
export interface AuditQuery {
  project: number | null;
  action: string;
  actor: string;
  subject: string;
  /** Epoch milliseconds. */
  from: number | null;
  to: number | null;
  cursor: string | null;
}

/** One page of the audit, newest first, and where the next begins. */
export async function readAudit(
  query: AuditQuery,
  signal?: AbortSignal,
): Promise<{ entries: AuditEntry[]; nextCursor: string | null }> {
  const page = await request("GET", withQuery("/v1/audit", { ...query }), pageSchema, { signal });
  return { entries: page.entries, nextCursor: page.nextCursor === null ? null : String(page.nextCursor) };
}
