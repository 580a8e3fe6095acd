/** Statements that write what was accepted. */

import type { Queryable } from "../db/db.ts";
import type { AcceptedRow } from "./accepted.ts";

/** Parameters of one statement; the wire's limit is 65,535. */
const MAX_ROWS = 500;

/** Writes rows into the intake and into attachments. An attachment that is there already stays as it is. */
export async function insertAccepted(tx: Queryable, rows: readonly AcceptedRow[]): Promise<void> {
  for (let i = 0; i < rows.length; i += MAX_ROWS) {
    const some = rows.slice(i, i + MAX_ROWS);
    await insertIntake(tx, some);
    await insertAttachments(tx, some);
  }
}

async function insertIntake(tx: Queryable, rows: readonly AcceptedRow[]): Promise<void> {
  const values: unknown[] = [];
  const places: string[] = [];
  for (const row of rows) {
    if (row.kind === "attachment") continue;
    const at = values.push(row.projectId, row.kind, new Date(row.receivedAt), JSON.stringify(row.head), toBuffer(row.body));
    places.push(`($${at - 4}, $${at - 3}, $${at - 2}, $${at - 1}::jsonb, $${at})`);
  }
  if (places.length === 0) return;
  await tx.query(`INSERT INTO intake (project_id, kind, received_at, head, body) VALUES ${places.join(", ")}`, values);
}

async function insertAttachments(tx: Queryable, rows: readonly AcceptedRow[]): Promise<void> {
  for (const row of rows) {
    if (row.kind !== "attachment") continue;
    const { event_id: eventId, ordinal, name, content_type: contentType, type } = row.head;
    await tx.query(
      `INSERT INTO attachments (project_id, event_id, ordinal, name, content_type, kind, bytes, received_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (project_id, event_id, ordinal) DO NOTHING`,
      [row.projectId, eventId, ordinal, name, contentType, type, toBuffer(row.body), new Date(row.receivedAt)],
    );
  }
}

/** Which of these rows the intake has already. Reads all of it: to be asked for few, and seldom. */
export async function findStored(tx: Queryable, rows: readonly AcceptedRow[]): Promise<ReadonlySet<AcceptedRow>> {
  const found = await tx.query<{ place: number }>(
    `SELECT place::integer AS place FROM unnest($1::integer[], $2::text[], $3::timestamptz[], $4::text[])
       WITH ORDINALITY AS t (project_id, kind, received_at, event_id, place)
     JOIN intake i USING (project_id, kind, received_at) WHERE i.head->>'event_id' = t.event_id`,
    [
      rows.map(({ projectId }) => projectId),
      rows.map(({ kind }) => kind),
      rows.map(({ receivedAt }) => new Date(receivedAt)),
      rows.map(({ head }) => head.event_id),
    ],
  );
  const places = new Set(found.map(({ place }) => place - 1));
  return new Set(rows.filter((_, index) => places.has(index)));
}

/**
 * Locks the mark of a spool file until the transaction ends.
 * @returns how many of its bytes were poured
 */
export async function lockMark(tx: Queryable, spoolId: string): Promise<number> {
  await tx.query("INSERT INTO spool_marks (spool_id, upto) VALUES ($1, 0) ON CONFLICT (spool_id) DO NOTHING", [spoolId]);
  const rows = await tx.query<{ upto: number }>("SELECT upto FROM spool_marks WHERE spool_id = $1 FOR UPDATE", [spoolId]);
  return rows[0]?.upto ?? 0;
}

/** Notes how far a spool file is poured, in the transaction that pours it. */
export async function moveMark(tx: Queryable, spoolId: string, upto: number): Promise<void> {
  await tx.query("UPDATE spool_marks SET upto = $2, at = now() WHERE spool_id = $1", [spoolId, upto]);
}

/** The same bytes as the driver sends in binary. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
