/**
 * Errors and what hangs on them: rows of the intake, occurrences, feedback, attachments, and the words that issues took from them. They go
 * with their session or their person at once, and by age by themselves. An issue outlives its occurrences: its counts stay.
 */

import type { Queryable } from "../db/db.ts";
import type { ProjectRule } from "./rules.ts";

/** Rows that go in one statement. */
const CHUNK = 2_000;
/** Rows of the intake that are looked through at once. */
const PAGE = 500;

/** Tables that hold something of errors and have no column `session_id`, whose files are cleaned as well. */
export const ERROR_TABLES = [
  "intake",
  "issues",
  "groupings",
  "issue_users",
  "attachments",
  "feedback",
  "alert_messages",
] as const;

/** Removes what their tracker reported of these sessions and waits for its digest. One that is under way ends first, or finds nothing to write. */
export async function removeWaitingErrors(tx: Queryable, ids: readonly string[]): Promise<void> {
  await tx.query("DELETE FROM intake WHERE kind = 'tracker_error' AND head ->> 'session_id' = ANY($1)", [ids]);
}

/**
 * Removes the errors of these sessions: what waits for its digest, what is digested, and the words that issues took from it. In this order: a
 * digest that is under way ends first, or finds nothing to write.
 * @returns how many occurrences there were
 */
export async function removeSessionErrors(tx: Queryable, ids: readonly string[]): Promise<number> {
  await removeWaitingErrors(tx, ids);
  await removeMentions(
    tx,
    null,
    ids.map((id) => JSON.stringify(id)),
  );
  const gone = await tx.query<Gone>(
    "DELETE FROM occurrences WHERE session_id = ANY($1) RETURNING project_id, issue_id, user_id",
    [ids],
  );
  await forgetUsers(tx, gone);
  await forgetWords(tx, gone);
  await forgetTold(tx, gone);
  return gone.length;
}

/**
 * Removes rows of the intake whose bytes say one of these texts.
 * @param projectId null for those of all projects
 * @param texts with quotation marks and all, as JSON has them
 */
async function removeMentions(tx: Queryable, projectId: number | null, texts: readonly string[]): Promise<void> {
  let after = 0;
  for (;;) {
    const [page] = await tx.query<{ last: number | null }>(
      `SELECT max(intake_id) AS last FROM (
         SELECT intake_id FROM intake WHERE ($1::integer IS NULL OR project_id = $1) AND intake_id > $2 AND body IS NOT NULL ORDER BY intake_id LIMIT ${PAGE}
       ) AS page`,
      [projectId, after],
    );
    if (!page || page.last === null) return;
    const gone = await tx.query<{ project_id: number; event_id: string | null }>(
      `DELETE FROM intake i WHERE ($1::integer IS NULL OR project_id = $1) AND intake_id > $2 AND intake_id <= $3 AND body IS NOT NULL
         AND EXISTS (SELECT FROM unnest($4::text[]) AS said WHERE position(convert_to(said, 'UTF8') IN i.body) > 0)
       RETURNING project_id, head ->> 'event_id' AS event_id`,
      [projectId, after, page.last, texts],
    );
    await tx.query(
      `DELETE FROM attachments a USING unnest($1::integer[], $2::text[]) AS g (project_id, event_id)
       WHERE a.project_id = g.project_id AND a.event_id = g.event_id`,
      [gone.map((row) => row.project_id), gone.map((row) => row.event_id)],
    );
    after = page.last;
  }
}

/** An occurrence that was removed. */
interface Gone {
  project_id: number;
  issue_id: number;
  user_id: string | null;
}

/** Messages of alerts keep that there was a reason, and not which occurrence it was. */
async function forgetTold(tx: Queryable, gone: readonly Pick<Gone, "project_id">[]): Promise<void> {
  if (gone.length === 0) return;
  await tx.query(
    `UPDATE alert_messages m SET error_id = NULL WHERE project_id = ANY($1::integer[]) AND error_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM occurrences o WHERE o.error_id = m.error_id)`,
    [[...new Set(gone.map((row) => row.project_id))]],
  );
}

/**
 * Removes what a person's id is on, besides sessions: errors and feedback that SDKs reported of him, waiting or digested.
 * @param before epoch milliseconds; what came later is a new beginning
 * @returns how many occurrences there were
 */
export async function removePersonErrors(tx: Queryable, projectId: number, userId: string, before: number): Promise<number> {
  await removeMentions(tx, projectId, spellingsOf(userId));
  const gone = await tx.query<Gone & { session_id: string | null }>(
    `DELETE FROM occurrences WHERE project_id = $1 AND received_at <= to_timestamp($3 / 1000.0) AND (user_id = $2
       OR (detail -> 'user' ->> 'id') = $2 OR (detail -> 'user' ->> 'email') = $2 OR (detail -> 'user' ->> 'name') = $2)
     RETURNING project_id, issue_id, user_id, session_id`,
    [projectId, userId, before],
  );
  await tellSearch(
    tx,
    gone.flatMap(({ session_id }) => (session_id === null ? [] : [session_id])),
  );
  await forgetWords(tx, gone);
  await forgetTold(tx, gone);
  await tx.query(
    `DELETE FROM feedback WHERE project_id = $1 AND received_at <= to_timestamp($3 / 1000.0)
       AND (user_id = $2 OR email = $2 OR name = $2)`,
    [projectId, userId, before],
  );
  await forgetUsers(tx, [...gone, { project_id: projectId, issue_id: 0, user_id: userId }]);
  return gone.length;
}

/** Sessions of others that were searched by what these errors said are folded anew. */
async function tellSearch(tx: Queryable, sessionIds: readonly string[]): Promise<void> {
  if (sessionIds.length === 0) return;
  await tx.query(
    `INSERT INTO session_news (session_id, is_anew)
     SELECT DISTINCT session_id, true FROM session_facts WHERE session_id = ANY($1)`,
    [sessionIds],
  );
}

/** People of whom no error of their project is left are on none of its issues any more. */
async function forgetUsers(tx: Queryable, gone: readonly Gone[]): Promise<void> {
  await tx.query(
    `DELETE FROM issue_users u USING unnest($1::integer[], $2::text[]) AS g (project_id, user_id), issues i
     WHERE u.user_id = g.user_id AND i.issue_id = u.issue_id AND i.project_id = g.project_id
       AND NOT EXISTS (SELECT FROM occurrences o WHERE o.project_id = g.project_id AND o.user_id = g.user_id)`,
    [gone.map((row) => row.project_id), gone.map((row) => row.user_id)],
  );
}

/** How SDKs write a person's id: under these names, with a space or without, a number as a number, and ASCII only where they like that. */
function spellingsOf(userId: string): string[] {
  const text = JSON.stringify(userId);
  const ascii = text.replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const isNumber = /^(?:0|[1-9]\d{0,15})$/.test(userId);
  const values = [...new Set([text, ascii]), ...(isNumber ? [`${userId},`, `${userId}}`, `${userId} `, `${userId}\n`] : [])];
  return ["id", "email", "username", "user_id", "name"].flatMap((name) =>
    ["", " "].flatMap((space) => values.map((value) => `"${name}":${space}${value}`)),
  );
}

/**
 * Issues whose occurrences were erased keep no words of them: what stands in their title is what another occurrence says as well, else what
 * the newest of those that are left says, else the kind of error alone. Keys keep their hash, so that the issue goes on.
 */
async function forgetWords(tx: Queryable, gone: readonly Gone[]): Promise<void> {
  const ids = [...new Set(gone.map((row) => row.issue_id))];
  if (ids.length === 0) return;
  await tx.query(
    `WITH RECURSIVE family AS (
       SELECT issue_id, issue_id AS root FROM issues WHERE issue_id = ANY($1::bigint[])
       UNION SELECT m.issue_id, f.root FROM issues m JOIN family f ON m.merged_into = f.issue_id
     )
     UPDATE issues i SET
       title = left(coalesce(nullif(concat_ws(': ', nullif(coalesce(o.type, i.type), ''), nullif(split_part(o.message, E'\\n', 1), '')), ''),
         'An error that was erased'), 250),
       type = coalesce(o.type, i.type), value = coalesce(left(o.message, 1024), ''), culprit = coalesce(o.culprit, '')
     FROM family f LEFT JOIN LATERAL (
       SELECT type, message, culprit FROM occurrences o WHERE o.issue_id = f.root ORDER BY received_at DESC LIMIT 1
     ) AS o ON true
     WHERE i.issue_id = f.issue_id
       AND NOT EXISTS (SELECT FROM occurrences s
         WHERE s.issue_id = f.root AND s.type = i.type AND starts_with(s.message, left(i.value, 200)))`,
    [ids],
  );
  await tx.query(
    `UPDATE groupings g SET key = '["erased"]' WHERE g.issue_id = ANY($1::bigint[])
       AND NOT EXISTS (SELECT FROM occurrences o
         WHERE o.issue_id = g.issue_id AND o.mechanism = g.mechanism AND o.key_hash = g.key_hash)`,
    [ids],
  );
}

/**
 * Removes errors that are older than their project keeps errors, and whose session is gone: with a session that is still there, e.g. pinned,
 * they stay as long as it does.
 * @returns how many rows went
 */
export async function removeOldErrors(db: Queryable, rules: readonly ProjectRule[]): Promise<number> {
  let removed = 0;
  for (const { projectId, keepErrorsFrom: from } of rules) {
    const isOld = "project_id = $1 AND received_at < $2::date";
    const isAlone = "NOT EXISTS (SELECT FROM sessions s WHERE s.session_id = t.session_id)";
    removed += await removeAll(db, "occurrences", `${isOld} AND ${isAlone}`, [projectId, from]);
    removed += await removeAll(db, "feedback", `${isOld} AND ${isAlone}`, [projectId, from]);
    removed += await removeAll(db, "intake", isOld, [projectId, from]);
    const isUnused = (table: string) =>
      `NOT EXISTS (SELECT FROM ${table} o WHERE o.project_id = t.project_id AND o.event_id = t.event_id)`;
    removed += await removeAll(db, "attachments", `${isOld} AND ${isUnused("occurrences")} AND ${isUnused("feedback")}`, [
      projectId,
      from,
    ]);
  }
  return removed;
}

/**
 * Removes people and sessions from issues where their project has no occurrence of theirs any more. How many there were stays counted.
 * @returns how many rows went
 */
export async function removeUnused(db: Queryable, rules: readonly ProjectRule[]): Promise<number> {
  let removed = 0;
  for (const { projectId } of rules) {
    const isOfProject = "issue_id IN (SELECT issue_id FROM issues WHERE project_id = $1)";
    const isUnused = (column: string) =>
      `NOT EXISTS (SELECT FROM occurrences o WHERE o.project_id = $1 AND o.${column} = t.${column})`;
    removed += await removeAll(db, "issue_users", `${isOfProject} AND ${isUnused("user_id")}`, [projectId]);
    removed += await removeAll(db, "issue_sessions", `${isOfProject} AND ${isUnused("session_id")}`, [projectId]);
  }
  return removed;
}

/** Row after row in chunks, so that no statement holds its locks for long. */
async function removeAll(db: Queryable, table: string, which: string, values: readonly unknown[]): Promise<number> {
  let removed = 0;
  for (;;) {
    const gone = await db.query(
      `DELETE FROM ${table} WHERE ctid = ANY (ARRAY (SELECT t.ctid FROM ${table} t WHERE ${which} LIMIT ${CHUNK})) RETURNING 1 AS one`,
      values,
    );
    removed += gone.length;
    if (gone.length < CHUNK) return removed;
  }
}

/** Tables with rows of a project that are of no session. Rows of others hang on them, and go with them. */
const PROJECT_TABLES = [
  "intake",
  "occurrences",
  "feedback",
  "attachments",
  "issues",
  "issue_numbers",
  "project_releases",
  "intake_sources",
  "intake_hours",
  "release_hours",
  "artifact_bundles",
  "alert_rules",
  "alert_channels",
] as const;

/** True for projects that were removed and of which something is left besides sessions: a condition on `projects p`. */
export const HAS_ERRORS = `(${PROJECT_TABLES.map((table) => `EXISTS (SELECT FROM ${table} t WHERE t.project_id = p.id)`).join(" OR ")})`;

/** Removes all of that. */
export async function removeProjectErrors(db: Queryable, projectId: number): Promise<void> {
  for (const table of PROJECT_TABLES) await removeAll(db, table, "project_id = $1", [projectId]);
}
