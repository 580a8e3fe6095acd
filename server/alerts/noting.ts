/** Decides who hears of what, in the transaction of the digest, so that no word is lost and none goes out for what was rolled back. */

import type { AlertRule } from "../../protocol/alert.ts";
import type { Queryable } from "../db/db.ts";
import type { IssueNews } from "../digested.ts";
import { readRules } from "./alert-queries.ts";
import { type Claim, claimCooldowns, type Claimed, readEnvironments, readTrends } from "./cooldown-queries.ts";
import { type Background, isStronger, type Reason, reasonOf, type ReasonKind } from "./reasons.ts";

/** Writes a message for every channel that has to hear of these news and has not heard of the issue within its cooldown. */
export async function noteNews(tx: Queryable, news: readonly IssueNews[], now: number): Promise<Claimed> {
  const projects = [...new Set(news.map(({ projectId }) => projectId))];
  const rules = projects.length === 0 ? new Map<number, AlertRule[]>() : await readRules(tx, projects);
  const meant = news.filter(({ projectId }) => (rules.get(projectId)?.length ?? 0) > 0);
  if (meant.length === 0) return { told: [], held: [] };
  const byIssue = new Map<number, IssueNews[]>();
  for (const one of meant) {
    const own = byIssue.get(one.issueId);
    if (own) own.push(one);
    else byIssue.set(one.issueId, [one]);
  }
  const backgrounds = await readBackgrounds(tx, byIssue, rules, now);
  const claims: Claim[] = [];
  // In one order for all, so that two digests never wait for each other.
  for (const [issueId, own] of [...byIssue].sort(([a], [b]) => a - b)) {
    const background = backgrounds(issueId);
    claims.push(...claimsOf(rules.get(own[0]?.projectId ?? 0) ?? [], own, background));
  }
  return claimCooldowns(tx, claims, now);
}

/** One claim for each channel: the strongest reason of its rules, with the cooldown of that rule. */
function claimsOf(rules: readonly AlertRule[], news: readonly IssueNews[], background: Background): Claim[] {
  const chosen = new Map<number, { rule: AlertRule; reason: Reason }>();
  for (const rule of rules) {
    const reason = reasonOf(rule, news, background);
    if (!reason) continue;
    for (const channelId of rule.channelIds) {
      const other = chosen.get(channelId);
      if (!other || isStronger(reason, other.reason)) chosen.set(channelId, { rule, reason });
    }
  }
  return [...chosen]
    .sort(([a], [b]) => a - b)
    .map(
      ([
        channelId,
        {
          rule,
          reason: { kind, news: hit, count },
        },
      ]) => {
        const { projectId, issueId, errorId } = hit;
        return { projectId, channelId, issueId, kind, errorId, cooldownMinutes: rule.cooldownMinutes, count };
      },
    );
}

/** Reads, for all issues at once, what their rules ask for besides the news. */
async function readBackgrounds(
  tx: Queryable,
  byIssue: ReadonlyMap<number, readonly IssueNews[]>,
  rules: ReadonlyMap<number, readonly AlertRule[]>,
  now: number,
): Promise<(issueId: number) => Background> {
  const rulesOf = (news: readonly IssueNews[]) => rules.get(news[0]?.projectId ?? 0) ?? [];
  const idsWhere = (asks: (rule: AlertRule) => boolean) =>
    [...byIssue].flatMap(([issueId, news]) => (rulesOf(news).some(asks) ? [issueId] : []));
  const isByEnvironment = (rule: AlertRule) => rule.onNew && rule.environments.length > 0;
  const names = [...rules.values()].flat().flatMap((rule) => (isByEnvironment(rule) ? rule.environments : []));
  const trends = await readTrends(
    tx,
    idsWhere((rule) => rule.onSpike),
    now,
  );
  const environments = await readEnvironments(tx, idsWhere(isByEnvironment), [...new Set(names)]);
  return (issueId) => ({ trend: trends.get(issueId) ?? null, environments: environments.get(issueId) ?? new Map() });
}

/** A one-time reason that a cooldown held back, and that is told when it is over. */
export interface HeldWord {
  projectId: number;
  channelId: number;
  issueId: number;
  kind: ReasonKind;
  /** When the cooldown ends that held it back, epoch milliseconds. */
  until: number;
}

/** Whether a reason that is held back would never come again by itself. */
export function isOnce(kind: ReasonKind): boolean {
  return kind !== "spike";
}

/**
 * Tells what was held back, now that the cooldown is over. Nothing is told where the channel heard of the issue since, where the issue is
 * not open any more, or where no rule asks for it now.
 */
export async function noteHeld(tx: Queryable, word: HeldWord, now: number): Promise<Claimed> {
  const { projectId, channelId, issueId, kind, until } = word;
  const nothing: Claimed = { told: [], held: [] };
  const isOpen = await tx.query(
    `SELECT 1 AS one FROM issues i JOIN projects p ON p.id = i.project_id
      WHERE i.issue_id = $1 AND i.project_id = $2 AND i.status = 'open' AND i.merged_into IS NULL AND p.removed_at IS NULL
        FOR NO KEY UPDATE OF i`,
    [issueId, projectId],
  );
  if (isOpen.length === 0) return nothing;
  const asks = { new: "onNew", regression: "onRegression", promoted: "onPromoted", spike: "onSpike" } as const;
  const rules = (await readRules(tx, [projectId])).get(projectId) ?? [];
  const rule = rules.find((one) => one[asks[kind]] && one.channelIds.includes(channelId));
  if (!rule) return nothing;
  const claim: Claim = {
    projectId,
    channelId,
    issueId,
    kind,
    errorId: null,
    cooldownMinutes: rule.cooldownMinutes,
    count: 0,
  };
  // The clock of the database, by which jobs run, may be a little ahead of ours.
  return claimCooldowns(tx, [claim], Math.max(now, until));
}
