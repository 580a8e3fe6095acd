/** Sends one message: reads what it says at that moment, and writes down what became of it. */

import { createTransport } from "nodemailer";
import type { AlertKind, ChannelKind } from "../../protocol/alert.ts";
import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import type { Logger } from "../log.ts";
import { type AlertFacts, alertText, headline, signature, slackBody, webhookBody } from "./alert-text.ts";
import { safePost } from "./safe-post.ts";

/** How mail leaves; null where none does. */
export interface MailWay {
  host: string;
  port: number;
  /** TLS from the first byte; otherwise STARTTLS where the server offers it. */
  secure: boolean;
  user: string;
  password: string;
  from: string;
}

export interface SenderDeps {
  db: Queryable;
  clock: Clock;
  log: Logger;
  publicUrl: string;
  mail: MailWay | null;
  allowPrivate: boolean;
}

/** Tries of one message. */
export const MAX_TRIES = 8;
const MAIL_TIMEOUT_MS = 15_000;
const MAX_FAULT = 300;

interface MessageRow {
  state: string;
  attempts: number;
  kind: AlertKind;
  held_back: number;
  error_id: string | null;
  channel_kind: ChannelKind;
  recipients: string[];
  url: string;
  secret: string;
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
  release: string | null;
  environment: string | null;
  session_id: string | null;
  session_status: string | null;
}

/**
 * Sends a message that waits; one that was sent is left alone.
 * @throws where another try may help
 */
export async function sendMessage(deps: SenderDeps, messageId: number): Promise<void> {
  const { db, clock, log } = deps;
  const row = await readMessage(db, messageId);
  if (!row || row.state === "sent" || row.state === "dead") return;
  const attempts = row.attempts + 1;
  try {
    await deliver(deps, row, messageId);
  } catch (error) {
    const fault = (error instanceof Error ? error.message : String(error)).slice(0, MAX_FAULT).toWellFormed();
    const isDead = attempts >= MAX_TRIES;
    await db.query("UPDATE alert_messages SET state = $2, attempts = $3, fault = $4 WHERE message_id = $1", [
      messageId,
      isDead ? "dead" : "failed",
      attempts,
      fault,
    ]);
    log.warn("an alert was not sent", { messageId, attempts, isDead, fault });
    if (isDead) return;
    throw error;
  }
  await db.query("UPDATE alert_messages SET state = 'sent', attempts = $2, fault = '', sent_at = $3 WHERE message_id = $1", [
    messageId,
    attempts,
    new Date(clock.now()),
  ]);
}

async function readMessage(db: Queryable, messageId: number): Promise<MessageRow | undefined> {
  const [row] = await db.query<MessageRow>(
    `SELECT m.state, m.attempts, m.kind, m.held_back, m.error_id, c.kind AS channel_kind, c.recipients, c.url, c.secret,
            p.name AS project_name, p.slug, i.issue_id, i.number, coalesce(i.title, '') AS title, coalesce(i.culprit, '') AS culprit,
            coalesce(i.level, '') AS level, coalesce(i.occurrence_count, 0) AS occurrence_count,
            coalesce(i.session_count, 0) AS session_count, coalesce(i.user_count, 0) AS user_count,
            o.release, o.environment, s.session_id, s.status AS session_status
       FROM alert_messages m JOIN alert_channels c USING (channel_id) JOIN projects p ON p.id = m.project_id
            LEFT JOIN issues i ON i.issue_id = m.issue_id
            LEFT JOIN occurrences o ON o.error_id = m.error_id AND o.project_id = m.project_id
            LEFT JOIN sessions s ON s.session_id = o.session_id AND s.project_id = m.project_id
      WHERE m.message_id = $1 AND p.removed_at IS NULL`,
    [messageId],
  );
  return row;
}

function factsOf(row: MessageRow, publicUrl: string): AlertFacts {
  const { issue_id: issueId, number, session_id: sessionId } = row;
  const shortId = `${row.slug.toUpperCase()}-${number ?? 0}`;
  return {
    kind: row.kind,
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
            sessionCount: row.session_count,
            userCount: row.user_count,
          },
    release: row.release ?? "",
    environment: row.environment ?? "",
    heldBack: row.held_back,
    links: {
      issue: issueId === null ? `${publicUrl}/` : `${publicUrl}/issues/${shortId}`,
      clip: row.error_id !== null && sessionId !== null ? `${publicUrl}/errors/${row.error_id}` : null,
      live: row.session_status === "live" && sessionId !== null ? `${publicUrl}/sessions/${sessionId}` : null,
    },
  };
}

async function deliver(deps: SenderDeps, row: MessageRow, messageId: number): Promise<void> {
  const facts = factsOf(row, deps.publicUrl);
  switch (row.channel_kind) {
    case "email":
      await sendMail(deps.mail, row.recipients, facts, messageId);
      return;
    case "slack":
      await post(deps, row.url, slackBody(facts), {});
      return;
    case "webhook": {
      const body = webhookBody(facts);
      await post(deps, row.url, body, {
        "X-Watchback-Message": String(messageId),
        "X-Watchback-Signature": signature(row.secret, body, deps.clock.now()),
      });
      return;
    }
    default:
      row.channel_kind satisfies never;
  }
}

async function post(
  { allowPrivate }: SenderDeps,
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const common = { "Content-Type": "application/json", "User-Agent": "Watchback" };
  const status = await safePost({ url, headers: { ...common, ...headers }, body, allowPrivate });
  if (status < 200 || status > 299) throw new Error(`the address answered with ${status}`);
}

async function sendMail(mail: MailWay | null, to: readonly string[], facts: AlertFacts, messageId: number): Promise<void> {
  if (!mail) throw new Error("this server sends no mail: SMTP_HOST is not set");
  const transport = createTransport({
    host: mail.host,
    port: mail.port,
    secure: mail.secure,
    ...(mail.user === "" ? {} : { auth: { user: mail.user, pass: mail.password } }),
    connectionTimeout: MAIL_TIMEOUT_MS,
    greetingTimeout: MAIL_TIMEOUT_MS,
    socketTimeout: MAIL_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail({
      from: mail.from,
      to: [...to],
      subject: headline(facts),
      text: alertText(facts),
      // A second try of the same message is the same message.
      messageId: `<alert-${messageId}@watchback.${
        mail.from
          .split("@")
          .at(-1)
          ?.replace(/[^\w.-]/g, "") ?? "local"
      }>`,
    });
  } finally {
    transport.close();
  }
}
