/** What an alert says, in the forms of the channels. Everything in it but our own words comes from strangers. */

import { createHmac } from "node:crypto";
import type { AlertKind } from "../../protocol/alert.ts";

/** What is told of. */
export interface AlertFacts {
  kind: AlertKind;
  project: string;
  /** Null for a test. */
  issue: {
    issueId: number;
    shortId: string;
    title: string;
    culprit: string;
    level: string;
    occurrenceCount: number;
    userCount: number;
    sessionCount: number;
  } | null;
  release: string;
  environment: string;
  /** Reasons for word that were held back since the message before. */
  heldBack: number;
  links: {
    /** Page of the issue; for a test, of the viewer. */
    issue: string;
    /** The ten seconds before the error. */
    clip: string | null;
    /** While the visitor is still there. */
    live: string | null;
  };
}

const WORDS: Readonly<Record<AlertKind, string>> = {
  new: "New issue",
  regression: "It is back",
  promoted: "Others hit it too",
  spike: "Spike",
  test: "Test message",
};

const MAX_LINE = 300;

/** One line, e.g. `New issue SHOP-42: TypeError: …`. */
export function headline({ kind, issue, project }: AlertFacts): string {
  return issue === null ? `${WORDS[kind]} of ${oneLine(project)}` : `${WORDS[kind]} ${issue.shortId}: ${oneLine(issue.title)}`;
}

/** The message as text. */
export function alertText(facts: AlertFacts): string {
  const { issue, links } = facts;
  const lines = [headline(facts), ""];
  if (issue === null) lines.push("Watchback can reach you here.");
  else {
    if (issue.culprit !== "") lines.push(`in ${oneLine(issue.culprit)}`);
    lines.push(counts(facts));
    const where = [facts.environment, facts.release].filter((one) => one !== "").map(oneLine);
    if (where.length > 0) lines.push(where.join(", "));
  }
  lines.push("");
  if (links.live !== null) lines.push(`Watch now, the visitor is still there: ${links.live}`);
  if (links.clip !== null) lines.push(`What happened before: ${links.clip}`);
  lines.push(`${issue === null ? "Viewer" : "Issue"}: ${links.issue}`);
  return lines.join("\n");
}

/** The body of a Slack incoming webhook. */
export function slackBody(facts: AlertFacts): string {
  const { issue, links } = facts;
  const buttons = [
    ...(links.live === null ? [] : [`<${links.live}|Watch now>`]),
    ...(links.clip === null ? [] : [`<${links.clip}|What happened before>`]),
    `<${links.issue}|${issue === null ? "Viewer" : "Issue"}>`,
  ].join("  ·  ");
  const about = issue === null ? "Watchback can reach you here." : `${escapeSlack(oneLine(issue.culprit))}\n${counts(facts)}`;
  const title = escapeSlack(headline(facts));
  const text = `*${title}*\n${about}\n${buttons}`;
  return JSON.stringify({ text: title, blocks: [{ type: "section", text: { type: "mrkdwn", text } }] });
}

/** The body of a webhook; the schema is in `docs/alerts.md`. */
export function webhookBody(facts: AlertFacts): string {
  return JSON.stringify({ version: 1, type: "alert", ...facts });
}

/**
 * Value of `X-Watchback-Signature`: `t=<epoch seconds>,v1=<hex>` with the HMAC-SHA256 over `<t>.<body>`.
 * @param atMs epoch milliseconds
 */
export function signature(secret: string, body: string, atMs: number): string {
  const seconds = Math.floor(atMs / 1_000);
  return `t=${seconds},v1=${createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex")}`;
}

function counts({ issue, heldBack }: AlertFacts): string {
  if (issue === null) return "";
  const { occurrenceCount, sessionCount, userCount } = issue;
  const more = heldBack > 0 ? `; ${heldBack} more since the last message` : "";
  return `${issue.level}, ${many(occurrenceCount, "occurrence")}, ${many(sessionCount, "session")}, ${many(userCount, "user")}${more}`;
}

function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE).toWellFormed()}…` : line;
}

/** Slack's three signs; what would be a mention, a link or formatting is plain text then. */
function escapeSlack(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/[*_~`]/g, "\u200b$&");
}
