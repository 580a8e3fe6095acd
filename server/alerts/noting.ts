/** Decides who hears of what, in the transaction of the digest, so that no word is lost and none goes out for what was rolled back. */

import type { AlertKind, AlertRule } from "../../protocol/alert.ts";
import type { Queryable } from "../db/db.ts";
import type { IssueNews } from "../digested.ts";
import { readRules } from "./alert-queries.ts";

/** A message that was written and waits to be sent. */
export interface NotedMessage {
  messageId: number;
}

/** A reason for word: the strongest that the news of a group give for an issue. */
interface Reason {
  kind: AlertKind;
  news: IssueNews;
  /** Occurrences of the issue in this group. */
  count: number;
}

/** The first is told where there are several. */
const STRENGTH: readonly AlertKind[] = ["new", "regression", "spike", "promoted"];
const HOUR_MS = 3_600_000;
const BASE_HOURS = 24;

/** Writes a message for every channel that has to hear of these news and has not heard of the issue within its cooldown. */
export async function noteNews(tx: Queryable, news: readonly IssueNews[], now: number): Promise<NotedMessage[]> {
  const projects = [...new Set(news.map(({ projectId }) => projectId))].sort((a, b) => a - b);
  if (projects.length === 0) return [];
  const rules = await readRules(tx, projects);
  const noted: NotedMessage[] = [];
  const byIssue = new Map<number, IssueNews[]>();
  for (const one of news) byIssue.set(one.issueId, [...(byIssue.get(one.issueId) ?? []), one]);
  // In one order for all, so that two digests never wait for each other.
  for (const issueId of [...byIssue.keys()].sort((a, b) => a - b)) {
    const own = byIssue.get(issueId) ?? [];
    const cooldowns = new Map<number, { minutes: number; reason: Reason }>();
    for (const rule of rules.get(own[0]?.projectId ?? 0) ?? []) {
      const reason = await reasonOf(tx, rule, own, now);
      if (!reason) continue;
      for (const channelId of rule.channelIds) {
        const other = cooldowns.get(channelId);
        if (!other || isStronger(reason, other.reason)) cooldowns.set(channelId, { minutes: rule.cooldownMinutes, reason });
      }
    }
    for (const channelId of [...cooldowns.keys()].sort((a, b) => a - b)) {
      const chosen = cooldowns.get(channelId);
      const message = chosen && (await claim(tx, channelId, chosen.reason, chosen.minutes, now));
      if (message) noted.push(message);
    }
  }
  return noted;
}

function isStronger(one: Reason, other: Reason): boolean {
  return STRENGTH.indexOf(one.kind) < STRENGTH.indexOf(other.kind);
}

async function reasonOf(tx: Queryable, rule: AlertRule, news: readonly IssueNews[], now: number): Promise<Reason | null> {
  const meant = news.filter(
    ({ level, environment }) =>
      (rule.levels.length === 0 || rule.levels.includes(level)) &&
      (rule.environments.length === 0 || rule.environments.includes(environment)),
  );
  const count = meant.filter(({ kind }) => kind !== "promoted").length;
  const find = (kind: IssueNews["kind"]) => meant.find((one) => one.kind === kind);
  const isNew = rule.onNew ? find("new") : undefined;
  if (isNew) return { kind: "new", news: isNew, count };
  const isBack = rule.onRegression ? find("regression") : undefined;
  if (isBack) return { kind: "regression", news: isBack, count };
  const latest = meant.at(-1);
  if (rule.onSpike && latest && (await isSpike(tx, latest.issueId, rule, now))) return { kind: "spike", news: latest, count };
  const isPromoted = rule.onPromoted ? find("promoted") : undefined;
  return isPromoted ? { kind: "promoted", news: isPromoted, count } : null;
}

/** Within this hour at least so many, and so many times the mean of the hours before, as far as the issue is that old. */
async function isSpike(tx: Queryable, issueId: number, rule: AlertRule, now: number): Promise<boolean> {
  const hour = Math.floor(now / HOUR_MS) * HOUR_MS;
  const [row] = await tx.query<{ current: number; before: number }>(
    `SELECT coalesce(sum(count) FILTER (WHERE hour >= $2), 0)::int AS current,
            coalesce(sum(count) FILTER (WHERE hour < $2), 0)::int AS before
       FROM issue_hours WHERE issue_id = $1 AND hour >= $3`,
    [issueId, new Date(hour), new Date(hour - BASE_HOURS * HOUR_MS)],
  );
  const current = row?.current ?? 0;
  return current >= rule.spikeCount && current >= ((row?.before ?? 0) / BASE_HOURS) * rule.spikeFactor;
}

/** Takes the issue's cooldown for a channel and writes the message; null, and counted, while it holds. */
async function claim(
  tx: Queryable,
  channelId: number,
  { kind, news, count }: Reason,
  minutes: number,
  now: number,
): Promise<NotedMessage | null> {
  const [row] = await tx.query<{ message_id: number | null }>(
    `WITH before AS (SELECT until, held_back FROM alert_cooldowns WHERE channel_id = $1 AND issue_id = $2 FOR UPDATE),
          taken AS (
            INSERT INTO alert_cooldowns AS c (channel_id, issue_id, until) SELECT $1, $2, $3
              FROM alert_channels WHERE channel_id = $1 AND project_id = $5
            ON CONFLICT (channel_id, issue_id) DO UPDATE
              SET until = CASE WHEN c.until <= $4 THEN excluded.until ELSE c.until END,
                  held_back = CASE WHEN c.until <= $4 THEN 0 ELSE c.held_back + $8 END
            RETURNING held_back, until),
          told AS (
            INSERT INTO alert_messages (project_id, channel_id, kind, issue_id, error_id, held_back, created_at)
            SELECT $5, $1, $6, $2, $7, coalesce((SELECT held_back FROM before), 0), $4 FROM taken
             WHERE until = $3 AND coalesce((SELECT until <= $4 FROM before), true)
            RETURNING message_id)
     SELECT (SELECT message_id FROM told) AS message_id`,
    [
      channelId,
      news.issueId,
      new Date(now + minutes * 60_000),
      new Date(now),
      news.projectId,
      kind,
      news.errorId,
      Math.max(1, count),
    ],
  );
  const messageId = row?.message_id ?? null;
  return messageId === null ? null : { messageId };
}
