/**
 * Statements on the rows of `intake` that are replays. A row that is worked on is claimed: its try counts already and it is due again when
 * the claim runs out, so that one which ends the process is not tried for ever.
 */

import type { Queryable } from "../db/db.ts";

/** Tries of a row before it is dead. */
export const MAX_ATTEMPTS = 6;
const CLAIM_SECONDS = 120;
/** The driver turns bytes into text and back; more at once would hold up everybody else. */
const PIECE_BYTES = 512 * 1024;
const OURS = "kind = 'replay' AND dead_at IS NULL";

/** A row that waits. */
export interface ReplayRow {
  intake_id: number;
  project_id: number;
  received_at: Date;
  head: unknown;
  body: Buffer | null;
  attempts: number;
}

/** Claims the row that has waited longest; null where none is due. */
export async function claimReplay(db: Queryable): Promise<ReplayRow | null> {
  const [row] = await db.query<ReplayRow & { bytes: number | null }>(
    `UPDATE intake SET attempts = attempts + 1, due_at = now() + $1 * interval '1 second'
     WHERE intake_id = (
       SELECT intake_id FROM intake WHERE ${OURS} AND due_at <= now() AND attempts < $2
       ORDER BY due_at, intake_id LIMIT 1 FOR UPDATE SKIP LOCKED
     )
     RETURNING intake_id, project_id, received_at, head, CASE WHEN octet_length(body) <= $3 THEN body END AS body,
       octet_length(body) AS bytes, attempts`,
    [CLAIM_SECONDS, MAX_ATTEMPTS, PIECE_BYTES],
  );
  if (!row) return null;
  const { bytes, ...claimed } = row;
  return bytes === null || claimed.body ? claimed : { ...claimed, body: await readBody(db, row.intake_id, bytes) };
}

/** A long body, in pieces. Its row may be gone half-way; what came of it is not whole then, and nobody removes a row for it. */
async function readBody(db: Queryable, intakeId: number, bytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let from = 1; from <= bytes; from += PIECE_BYTES) {
    const [row] = await db.query<{ piece: Buffer }>(
      "SELECT substring(body FROM $2 FOR $3) AS piece FROM intake WHERE intake_id = $1",
      [intakeId, from, PIECE_BYTES],
    );
    if (row) pieces.push(row.piece);
  }
  return Buffer.concat(pieces);
}

/** Buries what was claimed for the last time by a process that never came back. */
export async function buryAbandoned(db: Queryable): Promise<void> {
  await db.query(
    `UPDATE intake SET dead_at = now(), fault = coalesce(fault, 'the process ended while it was read')
     WHERE ${OURS} AND due_at <= now() AND attempts >= $1`,
    [MAX_ATTEMPTS],
  );
}

/** Removes a row in the transaction that writes what came of it; false where somebody else did. */
export async function removeRow(tx: Queryable, intakeId: number): Promise<boolean> {
  return (await tx.query("DELETE FROM intake WHERE intake_id = $1 RETURNING 1", [intakeId])).length > 0;
}

/** Writes down why a row was not stored. @param retryInMs when it is tried again; null: never */
export async function recordFault(db: Queryable, intakeId: number, fault: string, retryInMs: number | null): Promise<void> {
  await db.query(
    `UPDATE intake SET fault = $2, dead_at = CASE WHEN $3::float8 IS NULL THEN now() END,
       due_at = now() + coalesce($3::float8, 0) * interval '1 millisecond'
     WHERE intake_id = $1`,
    [intakeId, fault, retryInMs],
  );
}

/** Gives a row back as if it had not been tried: nothing was wrong with it. */
export async function giveBack(db: Queryable, intakeId: number, retryInMs: number): Promise<void> {
  await db.query(
    "UPDATE intake SET attempts = greatest(attempts - 1, 0), due_at = now() + $2 * interval '1 millisecond' WHERE intake_id = $1",
    [intakeId, retryInMs],
  );
}

/** Milliseconds until the next row is due, 0 for one that is, null where none waits. */
export async function nextDueMs(db: Queryable): Promise<number | null> {
  const [row] = await db.query<{ ms: number | null }>(
    `SELECT greatest(0, extract(epoch FROM due_at - now()) * 1000)::float8 AS ms FROM intake WHERE ${OURS} ORDER BY due_at LIMIT 1`,
  );
  return row?.ms ?? null;
}
