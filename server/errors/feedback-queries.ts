/** Statements about feedback and attachments. */

import type { Queryable } from "../db/db.ts";

/** What somebody wrote: read, cleaned and redacted by the digest. */
export interface Feedback {
  projectId: number;
  /** Its own id: of `intake.head`. */
  eventId: string;
  /** Id of the event that it is about, 32 hex digits; null where it is about none. */
  errorEventId: string | null;
  /** Epoch milliseconds. */
  receivedAt: number;
  sessionId: string | null;
  replayId: string | null;
  userId: string | null;
  name: string;
  email: string;
  message: string;
  url: string;
}

/** Keeps feedback, once by its event id. In the transaction of the digest that removes its row from the intake. */
export async function keepFeedback(tx: Queryable, one: Feedback): Promise<void> {
  await tx.query(
    `INSERT INTO feedback (project_id, event_id, error_event_id, received_at, session_id, replay_id, user_id, name, email, message, url)
     VALUES ($1, $2, $3, to_timestamp($4 / 1000.0), $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (project_id, event_id) DO NOTHING`,
    [
      one.projectId,
      one.eventId,
      one.errorEventId,
      one.receivedAt,
      one.sessionId,
      one.replayId,
      one.userId,
      one.name,
      one.email,
      one.message,
      one.url,
    ],
  );
}

/** Feedback as the API gives it. */
export interface ShownFeedback extends Omit<Feedback, "errorEventId"> {
  /** The session that it mentions, else that of its replay. */
  sessionId: string | null;
  feedbackId: number;
  /** The occurrence that it is about, where that was digested. */
  errorId: string | null;
  issueId: number | null;
  attachments: number;
}

/** Feedback of a project, newest first, from before `beforeId`. */
export async function listFeedback(
  db: Queryable,
  projectId: number,
  { beforeId, limit }: { beforeId: number | null; limit: number },
): Promise<ShownFeedback[]> {
  return db.query<ShownFeedback>(
    `SELECT f.feedback_id AS "feedbackId", f.project_id AS "projectId", f.event_id AS "eventId",
       floor(extract(epoch FROM f.received_at) * 1000)::float8 AS "receivedAt", coalesce(f.session_id, r.session_id) AS "sessionId", f.replay_id AS "replayId",
       f.user_id AS "userId", f.name, f.email, f.message, f.url, o.error_id AS "errorId", o.issue_id AS "issueId",
       (SELECT count(*) FROM attachments a WHERE a.project_id = f.project_id AND a.event_id = f.event_id) AS attachments
     FROM feedback f LEFT JOIN occurrences o ON o.project_id = f.project_id AND o.event_id = f.error_event_id
     LEFT JOIN replays r ON r.project_id = f.project_id AND r.replay_id = f.replay_id
     WHERE f.project_id = $1 AND ($2::bigint IS NULL OR f.feedback_id < $2) ORDER BY f.feedback_id DESC LIMIT $3`,
    [projectId, beforeId, limit],
  );
}

/** An attachment without its bytes. */
export interface Attachment {
  ordinal: number;
  name: string;
  contentType: string;
  kind: string;
  bytes: number;
}

/** Attachments of an occurrence of these projects; null where there is no such occurrence. */
export async function listAttachments(
  db: Queryable,
  errorId: string,
  projectIds: readonly number[],
): Promise<Attachment[] | null> {
  const [found] = await db.query<{ project_id: number; event_id: string }>(
    "SELECT project_id, event_id FROM occurrences WHERE error_id = $1 AND project_id = ANY($2)",
    [errorId, projectIds],
  );
  if (!found) return null;
  return db.query<Attachment>(
    `SELECT ordinal, name, content_type AS "contentType", kind, octet_length(bytes) AS bytes FROM attachments
     WHERE project_id = $1 AND event_id = $2 ORDER BY ordinal`,
    [found.project_id, found.event_id],
  );
}

/** One attachment of an occurrence of these projects, with its bytes. */
export async function readAttachment(
  db: Queryable,
  errorId: string,
  ordinal: number,
  projectIds: readonly number[],
): Promise<{ name: string; bytes: Uint8Array } | null> {
  const rows = await db.query<{ name: string; bytes: Buffer }>(
    `SELECT a.name, a.bytes FROM occurrences o JOIN attachments a USING (project_id, event_id)
     WHERE o.error_id = $1 AND o.project_id = ANY($2) AND a.ordinal = $3`,
    [errorId, projectIds, ordinal],
  );
  return rows[0] ?? null;
}
