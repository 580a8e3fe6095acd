/** Statements about dead letters: accepted items that could not be digested, and are kept until somebody decides. */

import type { Queryable } from "../db/db.ts";

/** A dead letter as people see it: never what it holds, which nobody has redacted. Times are epoch milliseconds. */
export interface DeadLetter {
  id: number;
  projectId: number;
  /** `event`, `feedback`, `csp_report`, `tracker_error` or `replay`. */
  kind: string;
  eventId: string;
  sdk: { name: string; version: string } | null;
  receivedAt: number;
  deadAt: number;
  attempts: number;
  /** Why, in words. */
  fault: string;
  bytes: number;
}

const ms = (column: string) => `floor(extract(epoch FROM ${column}) * 1000)::float8`;

/** Dead letters of these projects, newest first, from before `beforeId`. */
export function listDeadLetters(
  db: Queryable,
  projectIds: readonly number[],
  { beforeId, limit }: { beforeId: number | null; limit: number },
): Promise<DeadLetter[]> {
  return db.query<DeadLetter>(
    `SELECT intake_id AS id, project_id AS "projectId", kind, coalesce(head ->> 'event_id', '') AS "eventId",
       CASE WHEN jsonb_typeof(head -> 'sdk') = 'object' THEN head -> 'sdk' END AS sdk,
       ${ms("received_at")} AS "receivedAt", ${ms("dead_at")} AS "deadAt", attempts, coalesce(fault, '') AS fault,
       coalesce(octet_length(body), 0) AS bytes
     FROM intake WHERE dead_at IS NOT NULL AND project_id = ANY($1) AND ($2::bigint IS NULL OR intake_id < $2)
     ORDER BY intake_id DESC LIMIT $3`,
    [projectIds, beforeId, limit],
  );
}

/** Whose a dead letter is; null where there is none. */
export async function findDeadLetter(db: Queryable, id: number): Promise<{ projectId: number } | null> {
  const rows = await db.query<{ projectId: number }>(
    `SELECT project_id AS "projectId" FROM intake WHERE intake_id = $1 AND dead_at IS NOT NULL`,
    [id],
  );
  return rows[0] ?? null;
}

/** Brings a dead letter back, with all its tries; false where it is not dead any more. */
export async function reviveDeadLetter(tx: Queryable, id: number): Promise<boolean> {
  const rows = await tx.query(
    `UPDATE intake SET dead_at = NULL, fault = NULL, attempts = 0, due_at = now()
     WHERE intake_id = $1 AND dead_at IS NOT NULL RETURNING intake_id`,
    [id],
  );
  return rows.length > 0;
}

/** Throws a dead letter away; false where there is none. */
export async function dropDeadLetter(tx: Queryable, id: number): Promise<boolean> {
  const rows = await tx.query("DELETE FROM intake WHERE intake_id = $1 AND dead_at IS NOT NULL RETURNING intake_id", [id]);
  return rows.length > 0;
}
