/**
 * Sends one message. States of a message: `waiting` -> `sent`; or `failed`, once or several times with a longer wait each time, -> `sent` or
 * `dead`. A process that dies between the sending and the writing of that sends again: receivers know a message by its number.
 */

import type { Clock } from "../clock.ts";
import type { Database, Queryable } from "../db/db.ts";
import type { Logger } from "../log.ts";
import { signature, slackBody, webhookBody } from "./alert-text.ts";
import type { ChannelPauses } from "./channel-pauses.ts";
import { type MailWay, sendMail } from "./mail.ts";
import { readMessage, recordFault, recordSent, type SendableMessage } from "./message-queries.ts";
import { ForbiddenAddress, safePost } from "./safe-post.ts";

/** A message and its channel. */
export interface SendWish {
  messageId: number;
  channelId: number;
}

export interface SenderDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  publicUrl: string;
  mail: MailWay | null;
  allowPrivate: boolean;
  pauses: ChannelPauses;
  /** Has a message sent later, at a moment where one is given (epoch milliseconds). */
  sendLater(tx: Queryable, wish: SendWish, at?: number): Promise<void>;
}

/** Tries of one message; with the waits between them, for about nine hours. */
export const MAX_TRIES = 12;
const FIRST_WAIT_MS = 20_000;
const LONGEST_WAIT_MS = 3 * 3_600_000;
const MAX_FAULT = 300;

/** Sends a message that waits; one that was sent or is dead is left alone. */
export async function sendMessage(deps: SenderDeps, wish: SendWish): Promise<void> {
  const { db, clock, log, pauses } = deps;
  const message = await readMessage(db, wish.messageId, deps.publicUrl);
  if (!message || message.state === "sent" || message.state === "dead") return;
  const { messageId, channelId } = message;
  const pausedUntil = message.facts.kind === "test" ? null : pauses.until(channelId);
  if (pausedUntil !== null) {
    await deps.sendLater(db, wish, pausedUntil);
    return;
  }
  const attempts = message.attempts + 1;
  try {
    await deliver(deps, message);
  } catch (error) {
    const isDead = attempts >= MAX_TRIES || error instanceof ForbiddenAddress;
    const fault = (error instanceof Error ? error.message : String(error)).slice(0, MAX_FAULT).toWellFormed();
    pauses.failed(channelId);
    await db.transaction(async (tx) => {
      await recordFault(tx, messageId, { attempts, fault, isDead });
      if (!isDead) await deps.sendLater(tx, wish, clock.now() + waitAfter(attempts));
    });
    log.warn("an alert was not sent", { messageId, attempts, isDead, fault });
    return;
  }
  pauses.worked(channelId);
  await recordSent(db, messageId, attempts, clock.now());
}

/** Milliseconds until the next try. */
export function waitAfter(attempts: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempts - 1));
}

async function deliver(deps: SenderDeps, { messageId, channelKind, recipients, url, secret, facts }: SendableMessage) {
  switch (channelKind) {
    case "email":
      if (!deps.mail) throw new Error("this server sends no mail: SMTP_HOST is not set");
      await sendMail(deps.mail, recipients, facts);
      return;
    case "slack":
      await post(deps, url, slackBody(facts), {});
      return;
    case "webhook": {
      const body = webhookBody(facts);
      await post(deps, url, body, {
        "X-Watchback-Message": String(messageId),
        "X-Watchback-Signature": signature(secret, body, deps.clock.now()),
      });
      return;
    }
    default:
      channelKind satisfies never;
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
