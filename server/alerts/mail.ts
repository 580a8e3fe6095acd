/** Sends alerts as mail, over SMTP. */

import { createTransport } from "nodemailer";
import { type AlertFacts, alertText, headline } from "./alert-text.ts";

/** How mail leaves. */
export interface MailWay {
  host: string;
  port: number;
  /** TLS from the first byte; otherwise STARTTLS where the server offers it, and in any case before a password is said. */
  secure: boolean;
  user: string;
  password: string;
  from: string;
}

const TIMEOUT_MS = 15_000;

/**
 * Sends one message to all of its recipients.
 * @throws where the mail server cannot be reached or does not take it
 */
export async function sendMail(mail: MailWay, to: readonly string[], facts: AlertFacts): Promise<void> {
  const transport = createTransport({
    host: mail.host,
    port: mail.port,
    secure: mail.secure,
    ...(mail.user === "" ? {} : { auth: { user: mail.user, pass: mail.password }, requireTLS: !mail.secure }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail({
      from: mail.from,
      to: [...to],
      subject: headline(facts),
      text: alertText(facts),
      headers: { "Auto-Submitted": "auto-generated" },
      // A second try of the same message is the same message.
      messageId: `<alert-${facts.messageId}@${domainOf(mail.from)}>`,
    });
  } finally {
    transport.close();
  }
}

function domainOf(address: string): string {
  const domain = address
    .split("@")
    .at(-1)
    ?.replace(/[^\w.-]/g, "");
  return domain === undefined || domain === "" ? "watchback.invalid" : domain;
}
