/** Every statement about the audit log; there is none that changes a row. Times are epoch milliseconds by our clock. */

import { cleanText } from "../../protocol/text.ts";
import type { AuditEntry } from "../audit-trail.ts";
import type { Queryable } from "../db/db.ts";

const MAX_TEXT = 512;

/** Writes one entry. */
export async function insertEntry(db: Queryable, entry: AuditEntry, now: number): Promise<void> {
  const { actor, subject } = entry;
  const who = actor === "system" ? { kind: "system" as const } : actor;
  await db.query(
    `INSERT INTO audit_log (at, action, actor_kind, actor_user_id, actor_token_id, actor_name, peer, project_id, subject_kind,
       subject_id, person_id, data)
     VALUES (to_timestamp($1 / 1000.0), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb)`,
    [
      now,
      entry.action,
      who.kind,
      who.kind === "user" || who.kind === "token" ? who.userId : null,
      who.kind === "token" ? who.tokenId : null,
      who.kind === "user" ? cut(who.email) : "",
      cut(entry.peer ?? ""),
      entry.projectId ?? null,
      subject?.kind ?? null,
      subject ? cut(subject.id) : null,
      typeof entry.personId === "string" ? cut(entry.personId) : null,
      JSON.stringify(entry.data ?? {}, (_key, value: unknown) => (typeof value === "string" ? cut(value) : value)),
    ],
  );
}

function cut(text: string): string {
  return cleanText(text.slice(0, MAX_TEXT));
}
