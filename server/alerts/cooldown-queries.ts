/** Statements by which it is decided who hears of an issue now. */

import type { Queryable } from "../db/db.ts";
import type { IssueTrend, ReasonKind } from "./reasons.ts";

const HOUR_MS = 3_600_000;
/** Hours before the last one that say what is usual. */
const BASE_HOURS = 24;

/** A channel that has to hear of an issue, unless it heard of it lately. */
export interface Claim {
  projectId: number;
  channelId: number;
  issueId: number;
  kind: ReasonKind;
  /** The occurrence that is told; null for the newest, when the message is sent. */
  errorId: string | null;
  cooldownMinutes: number;
  /** Occurrences that it stands for. */
  count: number;
}

/** What became of claims. */
export interface Claimed {
  /** Messages that were written and wait to be sent. */
  told: { messageId: number; channelId: number }[];
  /** Claims that a cooldown holds back, and until when (epoch milliseconds). */
  held: { claim: Claim; until: number }[];
}

/**
 * Takes the cooldowns of issues for channels, and writes a message for each that was free; the others are counted. Channels that are not (or
 * not any more) the project's get nothing. At most one claim for a channel and issue.
 * @param now epoch milliseconds
 */
export async function claimCooldowns(tx: Queryable, claims: readonly Claim[], now: number): Promise<Claimed> {
  if (claims.length === 0) return { told: [], held: [] };
  const pairs = [claims.map((one) => one.channelId), claims.map((one) => one.issueId)];
  // In one order for all, and the channels first, as somebody who removes one takes them.
  await tx.query(
    `SELECT channel_id FROM alert_channels WHERE channel_id = ANY($1::integer[]) ORDER BY channel_id FOR KEY SHARE`,
    [pairs[0]],
  );
  await tx.query(
    `INSERT INTO alert_cooldowns (channel_id, issue_id, until)
     SELECT w.channel_id, w.issue_id, '-infinity' FROM unnest($1::integer[], $2::bigint[], $3::integer[]) AS w (channel_id, issue_id, project_id)
       JOIN alert_channels c ON c.channel_id = w.channel_id AND c.project_id = w.project_id
      ORDER BY w.issue_id, w.channel_id
     ON CONFLICT (channel_id, issue_id) DO NOTHING`,
    [...pairs, claims.map((one) => one.projectId)],
  );
  const rows = await tx.query<{ channelId: number; issueId: number; isOver: boolean; until: number; heldBack: number }>(
    `SELECT c.channel_id AS "channelId", c.issue_id AS "issueId", c.until <= $3 AS "isOver",
            (extract(epoch FROM c.until) * 1000)::float8 AS until, c.held_back AS "heldBack"
       FROM alert_cooldowns c JOIN unnest($1::integer[], $2::bigint[]) AS w (channel_id, issue_id)
         ON w.channel_id = c.channel_id AND w.issue_id = c.issue_id
      ORDER BY c.issue_id, c.channel_id FOR UPDATE OF c`,
    [...pairs, new Date(now)],
  );
  const byPair = new Map(rows.map((row) => [`${row.channelId} ${row.issueId}`, row]));
  const free: { claim: Claim; heldBack: number }[] = [];
  const held: Claimed["held"] = [];
  for (const claim of claims) {
    const row = byPair.get(`${claim.channelId} ${claim.issueId}`);
    if (row?.isOver === true) free.push({ claim, heldBack: row.heldBack });
    else if (row) held.push({ claim, until: row.until });
  }
  await holdBack(tx, held);
  return { told: await tell(tx, free, now), held };
}

async function holdBack(tx: Queryable, held: Claimed["held"]): Promise<void> {
  if (held.length === 0) return;
  await tx.query(
    `UPDATE alert_cooldowns c SET held_back = c.held_back + w.count
       FROM unnest($1::integer[], $2::bigint[], $3::bigint[]) AS w (channel_id, issue_id, count)
      WHERE c.channel_id = w.channel_id AND c.issue_id = w.issue_id`,
    [held.map(({ claim }) => claim.channelId), held.map(({ claim }) => claim.issueId), held.map(({ claim }) => claim.count)],
  );
}

async function tell(tx: Queryable, free: readonly { claim: Claim; heldBack: number }[], now: number): Promise<Claimed["told"]> {
  if (free.length === 0) return [];
  const pairs = [free.map(({ claim }) => claim.channelId), free.map(({ claim }) => claim.issueId)];
  await tx.query(
    `UPDATE alert_cooldowns c SET until = to_timestamp(w.until / 1000.0), held_back = 0
       FROM unnest($1::integer[], $2::bigint[], $3::float8[]) AS w (channel_id, issue_id, until)
      WHERE c.channel_id = w.channel_id AND c.issue_id = w.issue_id`,
    [...pairs, free.map(({ claim }) => now + claim.cooldownMinutes * 60_000)],
  );
  return tx.query(
    `INSERT INTO alert_messages (channel_id, issue_id, project_id, kind, error_id, held_back, created_at)
     SELECT w.*, $7 FROM unnest($1::integer[], $2::bigint[], $3::integer[], $4::text[], $5::uuid[], $6::bigint[]) AS w
     RETURNING message_id AS "messageId", channel_id AS "channelId"`,
    [
      ...pairs,
      free.map(({ claim }) => claim.projectId),
      free.map(({ claim }) => claim.kind),
      free.map(({ claim }) => claim.errorId),
      free.map(({ heldBack }) => heldBack),
      new Date(now),
    ],
  );
}

/**
 * How often issues occurred lately. Occurrences are counted by the hour: of the hour before this one, as much counts as is less than an
 * hour ago.
 */
export async function readTrends(tx: Queryable, issueIds: readonly number[], now: number): Promise<Map<number, IssueTrend>> {
  if (issueIds.length === 0) return new Map();
  const hour = Math.floor(now / HOUR_MS) * HOUR_MS;
  const rows = await tx.query<{ id: number; age: number; current: number; last: number; before: number }>(
    `SELECT i.issue_id AS id, greatest(0, $2 - (extract(epoch FROM i.first_seen) * 1000)::float8) AS age,
            coalesce(sum(h.count) FILTER (WHERE h.hour >= $3), 0)::float8 AS current,
            coalesce(sum(h.count) FILTER (WHERE h.hour >= $4 AND h.hour < $3), 0)::float8 AS last,
            coalesce(sum(h.count) FILTER (WHERE h.hour < $4), 0)::float8 AS before
       FROM issues i LEFT JOIN issue_hours h ON h.issue_id = i.issue_id AND h.hour >= $5
      WHERE i.issue_id = ANY($1::bigint[]) GROUP BY i.issue_id`,
    [issueIds, now, new Date(hour), new Date(hour - HOUR_MS), new Date(hour - (BASE_HOURS + 1) * HOUR_MS)],
  );
  const share = 1 - (now - hour) / HOUR_MS;
  return new Map(
    rows.map(({ id, age, current, last, before }) => {
      const usual = before + last * (1 - share);
      const hours = Math.min(BASE_HOURS, age / HOUR_MS - 1);
      // What began within this hour has no usual; what is little older is not spread over less than one.
      return [id, { lastHour: current + last * share, hourlyMean: hours <= 0 ? 0 : usual / Math.max(1, hours) }];
    }),
  );
}

/** Occurrences of issues by environment, for these environments. */
export async function readEnvironments(
  tx: Queryable,
  issueIds: readonly number[],
  environments: readonly string[],
): Promise<Map<number, Map<string, number>>> {
  const counts = new Map<number, Map<string, number>>(issueIds.map((id) => [id, new Map()]));
  if (issueIds.length === 0 || environments.length === 0) return counts;
  const rows = await tx.query<{ id: number; environment: string; count: number }>(
    `SELECT issue_id AS id, environment, sum(count)::float8 AS count FROM issue_releases
      WHERE issue_id = ANY($1::bigint[]) AND environment = ANY($2::text[]) GROUP BY issue_id, environment`,
    [issueIds, environments],
  );
  for (const { id, environment, count } of rows) counts.get(id)?.set(environment, count);
  return counts;
}

/** Removes messages and cooldowns that nobody asks for any more. */
export async function removeOld(db: Queryable, messagesBefore: number, cooldownsBefore: number): Promise<number> {
  const messages = await db.query("DELETE FROM alert_messages WHERE created_at < $1 RETURNING 1 AS one", [
    new Date(messagesBefore),
  ]);
  const cooldowns = await db.query("DELETE FROM alert_cooldowns WHERE until < $1 RETURNING 1 AS one", [
    new Date(cooldownsBefore),
  ]);
  return messages.length + cooldowns.length;
}
