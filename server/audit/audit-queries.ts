/** Every statement about the audit log; there is none that changes an entry. Times are epoch milliseconds by our clock. */

import { cleanText } from "../../protocol/text.ts";
import type { AuditEntry } from "../audit-trail.ts";
import type { Database, Queryable } from "../db/db.ts";
import type { AuditFilter } from "./audit-filter.ts";

const MAX_TEXT = 512;
/** Entries that one statement removes, so that none takes long. */
const REMOVED_AT_ONCE = 10_000;

/** An entry as it is read. */
export interface ReadEntry {
  id: number;
  at: number;
  action: string;
  actor: {
    kind: "user" | "token" | "system" | "nobody" | "guest";
    userId: number | null;
    tokenId: number | null;
    /** E-mail address: of a person as it was then, of a token's owner as it is now. */
    name: string;
    /** What the token is called; null for all else. */
    tokenName: string | null;
  };
  peer: string;
  projectId: number | null;
  /** The id is empty where an erasure took it out. */
  subject: { kind: string; id: string } | null;
  personId: string | null;
  data: Record<string, unknown>;
}

interface EntryRow {
  id: number;
  at: number;
  action: string;
  actor_kind: ReadEntry["actor"]["kind"];
  actor_user_id: number | null;
  actor_token_id: number | null;
  actor_name: string;
  owner_name: string | null;
  token_name: string | null;
  peer: string;
  project_id: number | null;
  subject_kind: string | null;
  subject_id: string | null;
  person_id: string | null;
  data: Record<string, unknown>;
}

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
      nameOf(who),
      cut(entry.peer ?? ""),
      entry.projectId ?? null,
      subject?.kind ?? null,
      subject ? cut(subject.id) : null,
      typeof entry.personId === "string" ? cut(entry.personId) : null,
      JSON.stringify(entry.data ?? {}, (_key, value: unknown) => (typeof value === "string" ? cut(value) : value)),
    ],
  );
}

const COLUMNS = `a.id, (extract(epoch FROM a.at) * 1000)::float8 AS at, a.action, a.actor_kind, a.actor_user_id, a.actor_token_id,
  a.actor_name, a.peer, a.project_id, a.subject_kind, a.subject_id, a.person_id, a.data`;
const WANTED = `($2::text[] IS NULL OR a.action = ANY($2))
  AND ($3::integer IS NULL OR a.actor_user_id = $3) AND ($4::integer IS NULL OR a.actor_token_id = $4)
  AND ($5::text IS NULL OR a.actor_kind = $5) AND ($6::text IS NULL OR lower(a.actor_name) = lower($6)
       OR a.actor_user_id IN (SELECT named.id FROM users named WHERE lower(named.email) = lower($6)))
  AND ($7::text IS NULL OR a.subject_id = $7) AND ($8::text IS NULL OR a.person_id = $8)
  AND ($9::float8 IS NULL OR a.at >= to_timestamp($9 / 1000.0)) AND ($10::float8 IS NULL OR a.at < to_timestamp($10 / 1000.0))
  AND ($11::bigint IS NULL OR a.id < $11)`;

/**
 * One page of the log, newest first. Where projects are given each is read along its own index and the newest of all are taken.
 * @param projectIds null: every entry, also those of no project
 */
export async function listEntries(
  db: Queryable,
  projectIds: readonly number[] | null,
  filter: AuditFilter,
): Promise<{ entries: ReadEntry[]; nextId: number | null }> {
  const page = (where: string) => `SELECT ${COLUMNS} FROM audit_log a WHERE ${where} AND ${WANTED} ORDER BY a.id DESC LIMIT $12`;
  const found =
    projectIds === null
      ? page("$1::integer[] IS NULL")
      : `SELECT one.* FROM unnest($1::integer[]) AS wanted (id)
         CROSS JOIN LATERAL (${page("a.project_id = wanted.id")}) AS one ORDER BY one.id DESC LIMIT $12`;
  const { actor } = filter;
  const rows = await db.query<EntryRow>(
    `SELECT f.*, u.email AS owner_name, t.name AS token_name
     FROM (${found}) AS f
     LEFT JOIN tokens t ON t.id = f.actor_token_id
     LEFT JOIN users u ON u.id = f.actor_user_id AND f.actor_kind = 'token'
     ORDER BY f.id DESC`,
    [
      projectIds,
      filter.actions,
      actor?.by === "user" ? actor.userId : null,
      actor?.by === "token" ? actor.tokenId : null,
      actor?.by === "kind" ? actor.kind : null,
      actor?.by === "name" ? actor.name : null,
      filter.subject,
      filter.person,
      filter.from,
      filter.to,
      filter.beforeId,
      filter.limit + 1,
    ],
  );
  const entries = rows.slice(0, filter.limit).map(toEntry);
  return { entries, nextId: rows.length > filter.limit ? (entries.at(-1)?.id ?? null) : null };
}

/**
 * Removes entries that were written before `before`, in the one mode in which the table allows that, and then only for entries that
 * are older than a year by its own clock.
 * @returns how many went
 */
export async function deleteEntriesBefore(db: Database, before: number): Promise<number> {
  for (let removed = 0; ;) {
    const gone = await db.transaction(async (tx) => {
      await tx.query("SET LOCAL watchback.audit_retention = 'on'");
      return tx.query<{ id: number }>(
        `DELETE FROM audit_log WHERE id IN (
           SELECT id FROM audit_log WHERE at < to_timestamp($1 / 1000.0) AND at < now() - interval '365 days' ORDER BY id LIMIT ${REMOVED_AT_ONCE}
         ) RETURNING id`,
        [before],
      );
    });
    removed += gone.length;
    if (gone.length < REMOVED_AT_ONCE) return removed;
  }
}

function toEntry(row: EntryRow): ReadEntry {
  return {
    id: row.id,
    at: row.at,
    action: row.action,
    actor: {
      kind: row.actor_kind,
      userId: row.actor_user_id,
      tokenId: row.actor_token_id,
      name: row.actor_name || (row.owner_name ?? ""),
      tokenName: row.token_name,
    },
    peer: row.peer,
    projectId: row.project_id,
    subject: row.subject_kind === null ? null : { kind: row.subject_kind, id: row.subject_id ?? "" },
    personId: row.person_id,
    data: row.data,
  };
}

/** The name that is kept with the entry; that of a token is looked up when it is read. */
function nameOf(who: Exclude<AuditEntry["actor"], "system"> | { kind: "system" }): string {
  if (who.kind === "guest") return cut(who.name);
  return who.kind === "user" || who.kind === "nobody" ? cut(who.email ?? "") : "";
}

function cut(text: string): string {
  return cleanText(text.slice(0, MAX_TEXT));
}
