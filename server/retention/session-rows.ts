/** The rows of sessions in every table, and how they go: by their ids, and with the ids out of the audit log. */

import type { Queryable } from "../db/db.ts";
import { PARTITIONED } from "./day-tables.ts";

/** What was removed of some sessions; bytes are those of payloads. */
export interface Erased {
  sessions: number;
  batches: number;
  markers: number;
  errors: number;
  bytes: number;
}

/** Ids of all sessions of a project ($1) that show, or showed, a person ($2). */
export const SESSIONS_OF_PERSON = `SELECT session_id AS id FROM sessions WHERE project_id = $1 AND user_id = $2
  UNION SELECT s.session_id FROM session_people p JOIN sessions s USING (session_id) WHERE p.user_id = $2 AND s.project_id = $1`;

/** Nothing yet. */
export const NOTHING_ERASED: Erased = { sessions: 0, batches: 0, markers: 0, errors: 0, bytes: 0 };

/** The sum of two removals. */
export function addErased(one: Erased, other: Erased): Erased {
  return {
    sessions: one.sessions + other.sessions,
    batches: one.batches + other.batches,
    markers: one.markers + other.markers,
    errors: one.errors + other.errors,
    bytes: one.bytes + other.bytes,
  };
}

/**
 * Tables that hold something of a session beside the partitioned ones and `sessions` itself, as the catalogue knows them: whatever room
 * made them, they have a column `session_id`. Tombstones alone outlive a session.
 */
export async function listSideTables(db: Queryable): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
       AND a.attname = 'session_id' AND NOT a.attisdropped AND c.relname NOT IN ('sessions', 'tombstones')
     ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/**
 * Removes everything of these sessions from every table; what is not there (any more) is no fault. Their days are noted, so that the bytes
 * leave the files as well.
 */
export async function removeSessions(tx: Queryable, ids: readonly string[]): Promise<Erased> {
  const sessions = await removeSessionRows(tx, ids);
  const count = { session_events: 0, session_markers: 0, session_errors: 0 };
  let bytes = 0;
  for (const table of PARTITIONED) {
    const size = table === "session_events" ? "coalesce(octet_length(payload), object_length, 0)" : "0";
    const days = await tx.query<{ day: string; count: number; bytes: number }>(
      `WITH gone AS (DELETE FROM ${table} WHERE session_id = ANY($1) RETURNING started_on, ${size} AS bytes)
       SELECT started_on AS day, count(*) AS count, sum(bytes)::bigint AS bytes FROM gone GROUP BY started_on`,
      [ids],
    );
    for (const day of days) {
      count[table] += day.count;
      bytes += day.bytes;
    }
    await noteDays(
      tx,
      days.map(({ day }) => day),
    );
  }
  return { sessions, batches: count.session_events, markers: count.session_markers, errors: count.session_errors, bytes };
}

/** Removes the rows that are not in partitions: where those were dropped. Returns how many sessions there were. */
export async function removeSessionRows(tx: Queryable, ids: readonly string[]): Promise<number> {
  const gone = await tx.query<{ day: string; count: number }>(
    `WITH gone AS (DELETE FROM sessions WHERE session_id = ANY($1) RETURNING started_on)
     SELECT started_on AS day, count(*) AS count FROM gone GROUP BY started_on`,
    [ids],
  );
  for (const table of await listSideTables(tx)) await tx.query(`DELETE FROM ${table} WHERE session_id = ANY($1)`, [ids]);
  await noteDays(
    tx,
    gone.map(({ day }) => day),
  );
  return gone.reduce((sum, { count }) => sum + count, 0);
}

/** A day without tables: what went was of no day, and only tables of all days are cleaned. */
export const NO_DAY = "1970-01-01";

/** Notes that rows of these days were removed, and that their bytes are still in files. */
export async function noteDays(tx: Queryable, days: readonly string[]): Promise<void> {
  if (days.length === 0) return;
  await tx.query(
    `INSERT INTO days_to_scrub (started_on) SELECT DISTINCT unnest($1::date[])
     ON CONFLICT (started_on) DO UPDATE SET since = now()`,
    [days],
  );
}

/** Keeps the ids of these sessions from being used again, in the transaction that removes them. */
export async function buryIds(tx: Queryable, projectId: number, ids: readonly string[]): Promise<void> {
  await tx.query(
    `INSERT INTO tombstones (session_id, project_id, erased_at) SELECT id, $2, clock_timestamp() FROM unnest($1::text[]) AS t (id)
     ON CONFLICT (session_id) DO NOTHING`,
    [ids, projectId],
  );
}

/**
 * Takes the ids of erased sessions, and whom they showed, out of the audit log; that somebody saw something stays. Only out of what is about
 * them: pages choose session ids, and one may read like the id of a key or a person.
 */
export async function takeOutOfAudit(tx: Queryable, projectId: number, ids: readonly string[]): Promise<void> {
  await tx.query("SELECT set_config('watchback.erasing', 'on', true)");
  await tx.query(
    `UPDATE audit_log SET subject_id = NULL, person_id = NULL, data = '{}'
     WHERE project_id = $1 AND subject_kind = 'session' AND subject_id = ANY($2)`,
    [projectId, ids],
  );
}

/**
 * The same for all that is about a person of a project. What is about its members, keys and settings stays as it is: whoever erases names the
 * person, and could name anything that he would rather not have on record.
 */
export async function takePersonOutOfAudit(tx: Queryable, projectId: number, personId: string): Promise<void> {
  await tx.query("SELECT set_config('watchback.erasing', 'on', true)");
  await tx.query(
    `UPDATE audit_log SET
       person_id = nullif(person_id, $2),
       subject_id = CASE WHEN person_id = $2 OR subject_kind = 'person' AND subject_id = $2 THEN NULL ELSE subject_id END,
       data = '{}'
     WHERE project_id = $1 AND (
       person_id = $2 OR (subject_kind = 'person' AND subject_id = $2)
       OR (subject_kind = 'session' AND jsonb_path_exists(data, '$.** ? (@ == $id)', jsonb_build_object('id', $2::text))))`,
    [projectId, personId],
  );
}
