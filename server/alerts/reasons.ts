/** Why somebody has to hear of an issue: what the news of a group are, by a rule. */

import type { AlertKind, AlertRule } from "../../protocol/alert.ts";
import type { IssueNews } from "../digested.ts";

/** Kinds of word that a rule can ask for. */
export type ReasonKind = Exclude<AlertKind, "test">;

/** A reason for word: the strongest that a rule finds in the news of an issue. */
export interface Reason {
  kind: ReasonKind;
  /** The occurrence that gave it. */
  news: IssueNews;
  /** Occurrences in this group that the rule means. */
  count: number;
}

/** What is known of an issue besides its news; null where no rule asks. */
export interface IssueTrend {
  /** Occurrences within the last hour. */
  lastHour: number;
  /** Mean of an hour in the day before, as far as the issue is that old. */
  hourlyMean: number;
}

/** What decides besides the news. */
export interface Background {
  trend: IssueTrend | null;
  /** Occurrences by environment, with those of this group; environments that nobody asks for are not in it. */
  environments: ReadonlyMap<string, number>;
}

/** The first is told where there are several. */
const STRENGTH: readonly ReasonKind[] = ["new", "regression", "spike", "promoted"];

/** True where `one` is told rather than `other`. */
export function isStronger(one: Reason, other: Reason): boolean {
  return STRENGTH.indexOf(one.kind) < STRENGTH.indexOf(other.kind);
}

/**
 * The reason that a rule finds in the news of one issue.
 * @param news all of one issue
 */
export function reasonOf(rule: AlertRule, news: readonly IssueNews[], { trend, environments }: Background): Reason | null {
  const meant = news.filter((one) => isMeant(rule, one));
  const hits = meant.filter(({ kind }) => kind !== "promoted");
  const find = (kind: IssueNews["kind"]) => meant.find((one) => one.kind === kind);
  const make = (kind: ReasonKind, one: IssueNews): Reason => ({ kind, news: one, count: Math.max(1, hits.length) });
  const first = rule.onNew ? (find("new") ?? firstHere(rule, news, hits, environments)) : undefined;
  if (first) return make("new", first);
  const back = rule.onRegression ? find("regression") : undefined;
  if (back) return make("regression", back);
  const latest = hits.at(-1);
  if (rule.onSpike && latest && trend && isSpike(rule, trend)) return make("spike", latest);
  const promoted = rule.onPromoted ? find("promoted") : undefined;
  return promoted ? make("promoted", promoted) : null;
}

function isMeant({ levels, environments }: AlertRule, { level, environment }: IssueNews): boolean {
  return (levels.length === 0 || levels.includes(level)) && (environments.length === 0 || environments.includes(environment));
}

/** The first occurrence in the rule's environments of an issue that is known from others: for this rule it is new. */
function firstHere(
  rule: AlertRule,
  news: readonly IssueNews[],
  hits: readonly IssueNews[],
  environments: ReadonlyMap<string, number>,
): IssueNews | undefined {
  if (rule.environments.length === 0) return undefined;
  const here = news.filter(({ kind, environment }) => kind !== "promoted" && rule.environments.includes(environment)).length;
  const ever = rule.environments.reduce((sum, name) => sum + (environments.get(name) ?? 0), 0);
  return ever > 0 && ever <= here ? hits[0] : undefined;
}

function isSpike({ spikeCount, spikeFactor }: AlertRule, { lastHour, hourlyMean }: IssueTrend): boolean {
  return lastHour >= spikeCount && lastHour >= hourlyMean * spikeFactor;
}
