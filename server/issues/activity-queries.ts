/** Statements about what was done to issues, and said of them. */

import type { IssueActivity } from "../../protocol/issue.ts";
import type { Queryable } from "../db/db.ts";

/** Something to note. */
export interface NewActivity {
  issueId: number;
  /** See `IssueActivity.kind`. */
  kind: string;
  /** Null for what the server does by itself. */
  userId: number | null;
  text: string;
}

/** Notes what was done, in this order. */
export async function addActivity(tx: Queryable, rows: readonly NewActivity[], now: number): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `INSERT INTO issue_activity (issue_id, at, kind, user_id, text)
     SELECT issue_id, to_timestamp($5 / 1000.0), kind, user_id, text
     FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::text[]) WITH ORDINALITY AS n (issue_id, kind, user_id, text, place)
     ORDER BY place`,
    [
      rows.map(({ issueId }) => issueId),
      rows.map(({ kind }) => kind),
      rows.map(({ userId }) => userId),
      rows.map(({ text }) => text),
      now,
    ],
  );
}

/** What was done to an issue last, newest first. */
export async function listActivity(db: Queryable, issueId: number, limit: number): Promise<IssueActivity[]> {
  const rows = await db.query<Omit<IssueActivity, "by"> & { userId: number | null; email: string | null }>(
    `SELECT a.activity_id AS id, (extract(epoch FROM a.at) * 1000)::float8 AS at, a.kind, a.text, a.user_id AS "userId", u.email
     FROM issue_activity a LEFT JOIN users u ON u.id = a.user_id
     WHERE a.issue_id = $1 ORDER BY a.activity_id DESC LIMIT $2`,
    [issueId, limit],
  );
  return rows.map(({ userId, email, ...row }) => ({ ...row, by: userId === null ? null : { userId, email: email ?? "" } }));
}
