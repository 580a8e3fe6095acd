/** Statements of channels, rules and messages. */

import type { AlertChannel, AlertKind, AlertMessage, AlertRule, ChannelKind } from "../../protocol/alert.ts";
import type { Queryable } from "../db/db.ts";

/** A channel with what must not leave the server. */
export interface StoredChannel extends AlertChannel {
  projectId: number;
  url: string;
  secret: string;
}

interface ChannelRow {
  channel_id: number;
  project_id: number;
  kind: ChannelKind;
  name: string;
  recipients: string[];
  url: string;
  secret: string;
  created_at: Date;
}

function toChannel(row: ChannelRow): StoredChannel {
  return {
    channelId: row.channel_id,
    projectId: row.project_id,
    kind: row.kind,
    name: row.name,
    to: row.recipients,
    host: URL.canParse(row.url) ? new URL(row.url).origin : "",
    createdAt: row.created_at.getTime(),
    url: row.url,
    secret: row.secret,
  };
}

/** What anybody may know of a channel. */
export function withoutSecrets({ channelId, kind, name, to, host, createdAt }: StoredChannel): AlertChannel {
  return { channelId, kind, name, to, host, createdAt };
}

/** The channels of a project, oldest first. */
export async function listChannels(db: Queryable, projectId: number): Promise<StoredChannel[]> {
  const rows = await db.query<ChannelRow>("SELECT * FROM alert_channels WHERE project_id = $1 ORDER BY channel_id", [projectId]);
  return rows.map(toChannel);
}

/** One channel, locked until the transaction ends where there is one. */
export async function readChannel(db: Queryable, projectId: number, channelId: number): Promise<StoredChannel | null> {
  const [row] = await db.query<ChannelRow>("SELECT * FROM alert_channels WHERE project_id = $1 AND channel_id = $2 FOR UPDATE", [
    projectId,
    channelId,
  ]);
  return row ? toChannel(row) : null;
}

/** What somebody says of a channel. Addresses of mail in `to`; `url` of a server, which is a secret, as `secret` is, by which what goes to a webhook is signed. */
export interface ChannelValues {
  kind: ChannelKind;
  name: string;
  to: readonly string[];
  url: string;
  secret: string;
}

/** Makes a channel. */
export async function insertChannel(db: Queryable, projectId: number, values: ChannelValues): Promise<StoredChannel> {
  const [row] = await db.query<ChannelRow>(
    "INSERT INTO alert_channels (project_id, kind, name, recipients, url, secret) VALUES ($1, $2, $3, $4, $5, $6) RETURNING *",
    [projectId, values.kind, values.name, values.to, values.url, values.secret],
  );
  if (!row) throw new Error("an insert gave no row");
  return toChannel(row);
}

/** Replaces what was said of a channel. */
export async function updateChannel(db: Queryable, channelId: number, values: ChannelValues): Promise<void> {
  await db.query("UPDATE alert_channels SET name = $2, recipients = $3, url = $4 WHERE channel_id = $1", [
    channelId,
    values.name,
    values.to,
    values.url,
  ]);
}

/** Removes a channel with its messages, and takes it out of the rules. */
export async function deleteChannel(tx: Queryable, projectId: number, channelId: number): Promise<boolean> {
  const gone = await tx.query("DELETE FROM alert_channels WHERE project_id = $1 AND channel_id = $2 RETURNING channel_id", [
    projectId,
    channelId,
  ]);
  await tx.query("UPDATE alert_rules SET channel_ids = array_remove(channel_ids, $2) WHERE project_id = $1", [
    projectId,
    channelId,
  ]);
  return gone.length > 0;
}

interface RuleRow {
  rule_id: number;
  project_id: number;
  name: string;
  is_enabled: boolean;
  on_new: boolean;
  on_regression: boolean;
  on_promoted: boolean;
  on_spike: boolean;
  spike_count: number;
  spike_factor: number;
  levels: string[];
  environments: string[];
  cooldown_minutes: number;
  channel_ids: number[];
}

function toRule(row: RuleRow): AlertRule {
  return {
    ruleId: row.rule_id,
    name: row.name,
    isEnabled: row.is_enabled,
    onNew: row.on_new,
    onRegression: row.on_regression,
    onPromoted: row.on_promoted,
    onSpike: row.on_spike,
    spikeCount: row.spike_count,
    spikeFactor: row.spike_factor,
    levels: row.levels,
    environments: row.environments,
    cooldownMinutes: row.cooldown_minutes,
    channelIds: row.channel_ids,
  };
}

/** The rules of a project, oldest first. */
export async function listRules(db: Queryable, projectId: number): Promise<AlertRule[]> {
  const rows = await db.query<RuleRow>("SELECT * FROM alert_rules WHERE project_id = $1 ORDER BY rule_id", [projectId]);
  return rows.map(toRule);
}

/** Rules that can make word go somewhere, by project. */
export async function readRules(db: Queryable, projectIds: readonly number[]): Promise<Map<number, AlertRule[]>> {
  const rows = await db.query<RuleRow>(
    "SELECT * FROM alert_rules WHERE project_id = ANY($1) AND is_enabled AND channel_ids <> '{}' ORDER BY rule_id",
    [projectIds],
  );
  const rules = new Map<number, AlertRule[]>(projectIds.map((id) => [id, []]));
  for (const row of rows) rules.get(row.project_id)?.push(toRule(row));
  return rules;
}

/** Writes a rule; a new one where `ruleId` is null. Null where there is no such rule. */
export async function saveRule(
  db: Queryable,
  projectId: number,
  ruleId: number | null,
  rule: Omit<AlertRule, "ruleId">,
): Promise<AlertRule | null> {
  const values = [
    projectId,
    rule.name,
    rule.isEnabled,
    rule.onNew,
    rule.onRegression,
    rule.onPromoted,
    rule.onSpike,
    rule.spikeCount,
    rule.spikeFactor,
    rule.levels,
    rule.environments,
    rule.cooldownMinutes,
    rule.channelIds,
  ];
  const columns =
    "name, is_enabled, on_new, on_regression, on_promoted, on_spike, spike_count, spike_factor, levels, environments, cooldown_minutes, channel_ids";
  const places = "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13";
  const [row] = await db.query<RuleRow>(
    ruleId === null
      ? `INSERT INTO alert_rules (project_id, ${columns}) VALUES ($1, ${places}) RETURNING *`
      : `UPDATE alert_rules SET (${columns}) = (${places}) WHERE project_id = $1 AND rule_id = $14 RETURNING *`,
    ruleId === null ? values : [...values, ruleId],
  );
  return row ? toRule(row) : null;
}

/** Removes a rule, and gives its name; null where there is no such rule. */
export async function deleteRule(db: Queryable, projectId: number, ruleId: number): Promise<string | null> {
  const [row] = await db.query<{ name: string }>(
    "DELETE FROM alert_rules WHERE project_id = $1 AND rule_id = $2 RETURNING name",
    [projectId, ruleId],
  );
  return row?.name ?? null;
}

/** Writes a test message that waits to be sent. */
export async function insertTest(tx: Queryable, projectId: number, channelId: number, now: number): Promise<number> {
  const [row] = await tx.query<{ message_id: number }>(
    "INSERT INTO alert_messages (project_id, channel_id, kind, created_at) VALUES ($1, $2, 'test', $3) RETURNING message_id",
    [projectId, channelId, new Date(now)],
  );
  if (!row) throw new Error("an insert gave no row");
  return row.message_id;
}

/** Test messages of a project since a moment, epoch milliseconds. */
export async function countTests(tx: Queryable, projectId: number, since: number): Promise<number> {
  const [row] = await tx.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM alert_messages WHERE project_id = $1 AND kind = 'test' AND created_at > $2",
    [projectId, new Date(since)],
  );
  return row?.count ?? 0;
}

interface MessageRow {
  message_id: number;
  kind: AlertKind;
  channel_id: number;
  channel_name: string;
  issue_id: number | null;
  number: number | null;
  slug: string;
  title: string | null;
  state: AlertMessage["state"];
  attempts: number;
  fault: string;
  created_at: Date;
  sent_at: Date | null;
}

/** Messages, newest first. */
export async function listMessages(
  db: Queryable,
  projectId: number,
  { before, limit }: { before: number | null; limit: number },
): Promise<AlertMessage[]> {
  const rows = await db.query<MessageRow>(
    `SELECT m.message_id, m.kind, m.channel_id, c.name AS channel_name, m.issue_id, i.number, p.slug, i.title, m.state, m.attempts,
            m.fault, m.created_at, m.sent_at
       FROM alert_messages m JOIN alert_channels c USING (channel_id) JOIN projects p ON p.id = m.project_id
            LEFT JOIN issues i USING (issue_id)
      WHERE m.project_id = $1 AND ($2::bigint IS NULL OR m.message_id < $2) ORDER BY m.message_id DESC LIMIT $3`,
    [projectId, before, limit],
  );
  return rows.map((row) => ({
    messageId: row.message_id,
    kind: row.kind,
    channelId: row.channel_id,
    channelName: row.channel_name,
    issueId: row.issue_id,
    shortId: row.number === null ? "" : `${row.slug.toUpperCase()}-${row.number}`,
    title: row.title ?? "",
    state: row.state,
    attempts: row.attempts,
    fault: row.fault,
    createdAt: row.created_at.getTime(),
    sentAt: row.sent_at?.getTime() ?? null,
  }));
}
