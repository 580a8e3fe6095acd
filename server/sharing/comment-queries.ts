/** Statements of comments. Times of day are epoch milliseconds, `at` is page time. */

import type { Queryable } from "../db/db.ts";

/** What somebody wrote at a moment of a session. */
export interface Comment {
  commentId: number;
  at: number;
  text: string;
  userId: number;
  /** Address of who wrote it, as it is now. */
  author: string;
  createdAt: number;
  editedAt: number | null;
}

const COMMENTS = `SELECT c.comment_id AS "commentId", c.at, c.text, c.user_id AS "userId", coalesce(u.email, '') AS author,
  (extract(epoch FROM c.created_at) * 1000)::float8 AS "createdAt", (extract(epoch FROM c.edited_at) * 1000)::float8 AS "editedAt"
  FROM session_comments c LEFT JOIN users u ON u.id = c.user_id`;

/** The comments of a session in the order of their moments. */
export async function listComments(db: Queryable, sessionId: string): Promise<Comment[]> {
  return db.query<Comment>(`${COMMENTS} WHERE c.session_id = $1 ORDER BY c.at, c.comment_id LIMIT 1000`, [sessionId]);
}

/** One of a session; null where it has none of this id. */
export async function findComment(db: Queryable, sessionId: string, commentId: number): Promise<Comment | null> {
  const rows = await db.query<Comment>(`${COMMENTS} WHERE c.session_id = $1 AND c.comment_id = $2`, [sessionId, commentId]);
  return rows[0] ?? null;
}

/** Keeps a comment, unless the session has `most` of them, or is gone; null then. */
export async function insertComment(
  db: Queryable,
  comment: { sessionId: string; projectId: number; at: number; text: string; userId: number; createdAt: number },
  most: number,
): Promise<number | null> {
  const rows = await db.query<{ id: number }>(
    `INSERT INTO session_comments (session_id, project_id, at, text, user_id, created_at)
     SELECT s.session_id, s.project_id, $3, $4, $5, to_timestamp($6 / 1000.0) FROM sessions s
     WHERE s.session_id = $1 AND s.project_id = $2 AND (SELECT count(*) FROM session_comments WHERE session_id = $1) < $7
     FOR SHARE OF s RETURNING comment_id AS id`,
    [comment.sessionId, comment.projectId, comment.at, comment.text, comment.userId, comment.createdAt, most],
  );
  return rows[0]?.id ?? null;
}

/** Writes it anew; false where it went away meanwhile. */
export async function changeComment(db: Queryable, commentId: number, text: string, now: number): Promise<boolean> {
  const rows = await db.query(
    "UPDATE session_comments SET text = $2, edited_at = to_timestamp($3 / 1000.0) WHERE comment_id = $1 RETURNING comment_id",
    [commentId, text, now],
  );
  return rows.length > 0;
}

/** Removes it. */
export async function removeComment(db: Queryable, commentId: number): Promise<void> {
  await db.query("DELETE FROM session_comments WHERE comment_id = $1", [commentId]);
}
