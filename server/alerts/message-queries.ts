/** One message as it is sent: what it is about is read at that moment, and what became of it is written down. */

import type { AlertKind, ChannelKind } from "../../protocol/alert.ts";
import type { Queryable } from "../db/db.ts";
import type { AlertFacts } from "./alert-text.ts";

/** A message with its channel and what it tells of. */
export interface SendableMessage {
  messageId: number;
  state: string;
  attempts: number;
  channelId: number;
  channelKind: ChannelKind;
  recipients: readonly string[];
  url: string;
  secret: string;
  facts: AlertFacts;
}

interface MessageRow {
  state: string;
  attempts: number;
  kind: AlertKind;
  held_back: number;
  created_at: Date;
  channel_id: number;
  channel_kind: ChannelKind;
  recipients: string[];
  url: string;
  secret: string;
  project_id: number;
  project_name: string;
  slug: string;
  issue_id: number | null;
  number: number | null;
  title: string;
  culprit: string;
  level: string;
  occurrence_count: number;
  session_count: number;
  user_count: number;
  error_id: string | null;
  release: string | null;
  environment: string | null;
  session_id: string | null;
  is_recorded: boolean | null;
  session_status: string | null;
}

/**
 * Reads a message; null where it, its channel, its issue or its project is gone. An occurrence that was erased meanwhile, or was never
 * named, is replaced by the newest that is left.
 * @param publicUrl base of links, without a closing slash
 */
export async function readMessage(db: Queryable, messageId: number, publicUrl: string): Promise<SendableMessage | null> {
  const [row] = await db.query<MessageRow>(
    `SELECT m.state, m.attempts, m.kind, m.held_back, m.created_at, m.channel_id, c.kind AS channel_kind, c.recipients, c.url, c.secret,
            m.project_id, p.name AS project_name, p.slug, i.issue_id, i.number, coalesce(i.title, '') AS title,
            coalesce(i.culprit, '') AS culprit, coalesce(i.level, '') AS level, coalesce(i.occurrence_count, 0) AS occurrence_count,
            coalesce(i.session_count, 0) AS session_count, coalesce(i.user_count, 0) AS user_count,
            o.error_id, o.release, o.environment, s.session_id, s.batch_count > 0 AS is_recorded, s.status AS session_status
       FROM alert_messages m JOIN alert_channels c ON c.channel_id = m.channel_id AND c.project_id = m.project_id
            JOIN projects p ON p.id = m.project_id
            LEFT JOIN issues i ON i.issue_id = m.issue_id AND i.project_id = m.project_id
            LEFT JOIN LATERAL (
              SELECT n.error_id, n.release, n.environment, n.session_id FROM occurrences n
               WHERE n.issue_id = m.issue_id AND n.project_id = m.project_id
               ORDER BY n.error_id IS NOT DISTINCT FROM m.error_id DESC, n.received_at DESC LIMIT 1
            ) AS o ON true
            LEFT JOIN sessions s ON s.session_id = o.session_id AND s.project_id = m.project_id
      WHERE m.message_id = $1 AND p.removed_at IS NULL`,
    [messageId],
  );
  if (!row) return null;
  const { state, attempts, recipients, url, secret } = row;
  const channel = { channelId: row.channel_id, channelKind: row.channel_kind, recipients, url, secret };
  return { messageId, state, attempts, ...channel, facts: factsOf(row, messageId, publicUrl) };
}

function factsOf(row: MessageRow, messageId: number, publicUrl: string): AlertFacts {
  const { issue_id: issueId, number, error_id: errorId, session_id: sessionId } = row;
  const shortId = `${row.slug.toUpperCase()}-${number ?? 0}`;
  const session = sessionId === null ? null : encodeURIComponent(sessionId);
  return {
    messageId,
    kind: row.kind,
    at: row.created_at.getTime(),
    projectId: row.project_id,
    project: row.project_name,
    issue:
      issueId === null
        ? null
        : {
            issueId,
            shortId,
            title: row.title,
            culprit: row.culprit,
            level: row.level,
            occurrenceCount: row.occurrence_count,
            userCount: row.user_count,
            sessionCount: row.session_count,
          },
    release: row.release ?? "",
    environment: row.environment ?? "",
    heldBack: row.held_back,
    links: {
      issue: issueId === null ? `${publicUrl}/` : `${publicUrl}/issues/${encodeURIComponent(shortId)}`,
      clip: errorId !== null && row.is_recorded === true ? `${publicUrl}/errors/${errorId}` : null,
      live: row.session_status === "live" && session !== null ? `${publicUrl}/sessions/${session}` : null,
    },
  };
}

/** Writes down that a message was sent. */
export async function recordSent(db: Queryable, messageId: number, attempts: number, at: number): Promise<void> {
  await db.query("UPDATE alert_messages SET state = 'sent', attempts = $2, fault = '', sent_at = $3 WHERE message_id = $1", [
    messageId,
    attempts,
    new Date(at),
  ]);
}

/** Writes down that a try failed, and whether it was the last. */
export async function recordFault(
  db: Queryable,
  messageId: number,
  { attempts, fault, isDead }: { attempts: number; fault: string; isDead: boolean },
): Promise<void> {
  await db.query("UPDATE alert_messages SET state = $2, attempts = $3, fault = $4 WHERE message_id = $1", [
    messageId,
    isDead ? "dead" : "failed",
    attempts,
    fault,
  ]);
}
