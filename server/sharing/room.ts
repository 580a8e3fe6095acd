/** What the routes of this room share. */

import * as v from "valibot";
import { cleanText } from "../../protocol/text.ts";
import type { AuditTrail } from "../audit-trail.ts";
import { type Identity, requireRole, type Role } from "../auth/auth.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import { notFound } from "../http-input.ts";
import type { ShownSessions, StoredSession } from "../replay/replay.ts";

/** What the routes are built from. */
export interface SharingRoom {
  db: Database;
  clock: Clock;
  audit: AuditTrail;
  shown: ShownSessions;
  /** Signs embed tokens. */
  secret: string;
  /** Base address of links, without a closing slash. */
  publicUrl: string;
}

/** One line of text that people wrote: cleaned, trimmed, and not empty. */
export function line(max: number) {
  return v.pipe(v.string(), v.transform(cleanText), v.trim(), v.minLength(1), v.maxLength(max));
}

/** The same where nothing is fine. */
export function optionalText(max: number) {
  return v.optional(v.pipe(v.string(), v.transform(cleanText), v.trim(), v.maxLength(max)), "");
}

/**
 * The session of an id, for somebody with this role in its project.
 * @throws AppError `not_found` for what is not there and for what is not his, `forbidden` where his role is too low
 */
export async function findSession(
  { shown }: Pick<SharingRoom, "shown">,
  id: string | undefined,
  identity: Identity,
  least: Role,
): Promise<StoredSession> {
  const found = await shown.find(id ?? "");
  if (!found) throw notFound();
  requireRole(identity, found.session.projectId, least);
  return found;
}

/** The id of who is asking. */
export function userOf(identity: Identity): number {
  if (identity.kind === "nobody") throw notFound();
  return identity.userId;
}
