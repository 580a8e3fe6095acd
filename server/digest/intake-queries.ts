/**
 * Statements on `intake`. A row that somebody works on is claimed: its next try counts already, and is due when the claim runs out, so that
 * what kills a process is not tried for ever.
 */

import type { Queryable } from "../db/db.ts";
import { readIntakeHead } from "../intake-head.ts";

/** Tries of a row before it is dead. */
export const MAX_ATTEMPTS = 6;
/** A claim that nobody kept or gave back runs out. */
const CLAIM_SECONDS = 120;
/** Bytes of one group; a row that is larger comes alone. */
const MAX_GROUP_BYTES = 4 * 1024 * 1024;

/** A row that waits for its digest, as it was claimed. */
export interface ClaimedRow {
  intake_id: number;
  project_id: number;
  kind: "event" | "feedback" | "csp_report" | "tracker_error";
  received_at: Date;
  head: unknown;
  body: Buffer | null;
  attempts: number;
}

const IS_DUE = "dead_at IS NULL AND kind <> 'replay' AND due_at <= now()";

/** Claims rows that were never tried, oldest first: at most so many, and no more bytes than a group may have. */
export function claimFresh(db: Queryable, limit: number): Promise<ClaimedRow[]> {
  return claim(db, "AND attempts = 0", limit);
}

/** Claims one row that was tried before: alone, so that it harms no other should it end the process. */
export function claimRetried(db: Queryable): Promise<ClaimedRow[]> {
  return claim(db, `AND attempts BETWEEN 1 AND ${MAX_ATTEMPTS - 1}`, 1);
}

async function claim(db: Queryable, which: string, limit: number): Promise<ClaimedRow[]> {
  const rows = await db.query<ClaimedRow>(
    `WITH due AS MATERIALIZED (
       SELECT intake_id, coalesce(octet_length(body), 0) AS bytes FROM intake WHERE ${IS_DUE} ${which}
       ORDER BY due_at, intake_id LIMIT $1 FOR UPDATE SKIP LOCKED
     ), summed AS (
       SELECT intake_id, sum(bytes) OVER (ORDER BY intake_id) AS upto, min(intake_id) OVER () AS first FROM due
     )
     UPDATE intake i SET attempts = attempts + 1, due_at = now() + $2 * interval '1 second'
     FROM summed s WHERE s.intake_id = i.intake_id AND (s.upto <= $3 OR s.intake_id = s.first)
     RETURNING i.intake_id, i.project_id, i.kind, i.received_at, i.head, i.body, i.attempts`,
    [limit, CLAIM_SECONDS, MAX_GROUP_BYTES],
  );
  return rows.sort((a, b) => a.intake_id - b.intake_id);
}

/** Ends what was claimed so often that it must be the row's fault: whoever worked on it last never came back. */
export async function buryAbandoned(db: Queryable): Promise<number> {
  const rows = await db.query<{ intake_id: number }>(
    `UPDATE intake SET dead_at = now(), fault = coalesce(fault, 'the process ended while it was digested')
     WHERE ${IS_DUE} AND attempts >= $1 RETURNING intake_id`,
    [MAX_ATTEMPTS],
  );
  return rows.length;
}

/** Removes rows whose digest is written in this transaction; gives those that were still there, and nobody else's by now. */
export async function removeRows(tx: Queryable, ids: readonly number[]): Promise<Set<number>> {
  if (ids.length === 0) return new Set();
  const rows = await tx.query<{ intake_id: number }>("DELETE FROM intake WHERE intake_id = ANY($1) RETURNING intake_id", [ids]);
  return new Set(rows.map((row) => row.intake_id));
}

/** Removes the files that came with rows of which nothing is kept. */
export async function removeAttachments(tx: Queryable, rows: readonly ClaimedRow[]): Promise<void> {
  const heads = rows
    .map((row) => ({ projectId: row.project_id, ...readIntakeHead(row.head) }))
    .filter((head) => head.attachments > 0);
  if (heads.length === 0) return;
  const isUsed = (table: string) =>
    `EXISTS (SELECT FROM ${table} o WHERE o.project_id = a.project_id AND o.event_id = a.event_id)`;
  await tx.query(
    `DELETE FROM attachments a USING unnest($1::integer[], $2::text[]) AS g (project_id, event_id)
     WHERE a.project_id = g.project_id AND a.event_id = g.event_id AND NOT ${isUsed("occurrences")} AND NOT ${isUsed("feedback")}`,
    [heads.map(({ projectId }) => projectId), heads.map((head) => head.event_id)],
  );
}

/** Gives claimed rows back as if they had not been tried: nothing was wrong with them. */
export async function giveBack(db: Queryable, ids: readonly number[]): Promise<void> {
  await db.query(
    "UPDATE intake SET attempts = greatest(attempts - 1, 0), due_at = now() WHERE intake_id = ANY($1) AND dead_at IS NULL",
    [ids],
  );
}

/** Why a row could not be digested, and when it is tried again; null: never. */
export interface Failure {
  intakeId: number;
  fault: string;
  retryInMs: number | null;
}

/** Writes a failure down. */
export async function recordFailure(db: Queryable, { intakeId, fault, retryInMs }: Failure): Promise<void> {
  await db.query(
    `UPDATE intake SET fault = $2, dead_at = CASE WHEN $3::float8 IS NULL THEN now() END,
       due_at = now() + coalesce($3::float8, 0) * interval '1 millisecond'
     WHERE intake_id = $1`,
    [intakeId, fault, retryInMs],
  );
}

/** Whether a row waits that is due. */
export async function hasDue(db: Queryable): Promise<boolean> {
  const rows = await db.query(`SELECT 1 FROM intake WHERE ${IS_DUE} LIMIT 1`);
  return rows.length > 0;
}
