/** What an alert says, in the forms of the channels. Everything in it but our own words comes from strangers. */

import { createHmac } from "node:crypto";
import type { AlertKind } from "../../protocol/alert.ts";

/** What is told of. */
export interface AlertFacts {
  /** The same for every try of a message. */
  messageId: number;
  kind: AlertKind;
  /** When there was a reason for it, epoch milliseconds. */
  at: number;
  projectId: number;
  /** Its name. */
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
  /** Occurrences that would have been a reason, and that the cooldown held back since the message before. */
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

/** Of a text of strangers. Slack takes 3,000 signs, and an escaped one is up to five. */
const MAX_LINE = 250;
const MAX_SLACK_TITLE = 150;
const MAX_SLACK_LINE = 80;

/** One line, e.g. `New issue SHOP-42: TypeError: …`. */
export function headline({ kind, issue, project }: AlertFacts, max = MAX_LINE): string {
  const word = WORDS[kind];
  return issue === null ? `${word} of ${oneLine(project, max)}` : `${word} ${issue.shortId}: ${oneLine(issue.title, max)}`;
}

/** The message as text. */
export function alertText(facts: AlertFacts): string {
  const { issue, links } = facts;
  const lines = [headline(facts), ""];
  if (issue === null) lines.push("Watchback can reach you here.");
  else {
    if (issue.culprit !== "") lines.push(`in ${oneLine(issue.culprit)}`);
    lines.push(counts(facts));
    if (where(facts) !== "") lines.push(where(facts));
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
  const said =
    issue === null
      ? ["Watchback can reach you here."]
      : [oneLine(issue.culprit, MAX_SLACK_LINE), counts(facts), where(facts, MAX_SLACK_LINE)];
  const title = escapeSlack(headline(facts, MAX_SLACK_TITLE));
  const text = [`*${title}*`, ...said.filter((line) => line !== "").map(escapeSlack), buttons].join("\n");
  // Without `verbatim`, Slack makes links of what looks like one.
  const section = { type: "section", text: { type: "mrkdwn", text, verbatim: true } };
  return JSON.stringify({ text: title, blocks: [section], link_names: false, unfurl_links: false, unfurl_media: false });
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
  return `${oneLine(issue.level, 20)}, ${many(occurrenceCount, "occurrence")}, ${many(sessionCount, "session")}, ${many(userCount, "user")}${more}`;
}

function where({ environment, release }: AlertFacts, max = MAX_LINE): string {
  return [environment, release]
    .map((one) => oneLine(one, max))
    .filter((one) => one !== "")
    .join(", ");
}

function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function oneLine(text: string, max = MAX_LINE): string {
  const line = text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .trim();
  return line.length > max ? `${line.slice(0, max).toWellFormed()}…` : line;
}

/** Slack's three signs; what would be a mention, a link or formatting is plain text then. */
function escapeSlack(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/[*_~`]/g, "\u200b$&");
}
