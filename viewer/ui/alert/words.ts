/** Alerts as words. */

import type { AlertChannel, AlertKind, AlertMessage, AlertRule, ChannelKind } from "../../../protocol/alert.ts";
import { formatDuration } from "../format.ts";

export const CHANNEL_WORDS: Readonly<Record<ChannelKind, string>> = { email: "E-mail", slack: "Slack", webhook: "Webhook" };

export const ALERT_WORDS: Readonly<Record<AlertKind, string>> = {
  new: "New issue",
  regression: "Came back",
  promoted: "More than one session",
  spike: "Spike",
  test: "Test",
};

export const STATE_WORDS: Readonly<Record<AlertMessage["state"], string>> = {
  waiting: "Waiting",
  sent: "Sent",
  failed: "Failed, will be tried again",
  dead: "Given up",
};

/** Where a channel leads. */
export function channelTarget({ kind, to, host }: Pick<AlertChannel, "kind" | "to" | "host">): string {
  return kind === "email" ? to.join(", ") : host;
}

/** When a rule speaks, e.g. `new issues and spikes, at most once an hour for each issue`. */
export function ruleWords(rule: Omit<AlertRule, "ruleId" | "name" | "isEnabled" | "channelIds">): string {
  const reasons = [
    rule.onNew ? "new issues" : "",
    rule.onRegression ? "issues that came back" : "",
    rule.onPromoted ? "issues that hit several sessions" : "",
    rule.onSpike ? `spikes (${rule.spikeCount.toLocaleString()} an hour, ${rule.spikeFactor}× the usual)` : "",
  ].filter(Boolean);
  const only = [
    rule.levels.length > 0 ? `level ${rule.levels.join(", ")}` : "",
    rule.environments.length > 0 ? `in ${rule.environments.join(", ")}` : "",
  ].filter(Boolean);
  const what = reasons.length > 0 ? reasons.join(", ") : "nothing";
  const pause = rule.cooldownMinutes > 0 ? `; of one issue at most once in ${formatDuration(rule.cooldownMinutes * 60_000)}` : "";
  return `${what}${only.length > 0 ? `, only ${only.join(" and ")}` : ""}${pause}`;
}
