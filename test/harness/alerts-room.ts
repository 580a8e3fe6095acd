/** Alerts over a database, with the issues that give them news and real jobs that send. */

import { createAlerts, type Alerts, type MailWay } from "../../server/alerts/alerts.ts";
import type { AuditTrail } from "../../server/audit-trail.ts";
import { createIssues } from "../../server/issues/issues.ts";
import { createJobs } from "../../server/jobs/jobs.ts";
import { createTestClock, type TestClock } from "./clock.ts";
import { type DigestedFacts, digestedOf } from "./digested.ts";
import { quietLog, type TestDatabase } from "./postgres.ts";
import { waitFor } from "./wait.ts";

/** A message as tests look at it. */
export interface NotedMessage {
  messageId: number;
  channelId: number;
  kind: string;
  state: string;
  attempts: number;
  fault: string;
  heldBack: number;
}

export interface RuleFacts {
  channelIds: readonly number[];
  projectId?: number;
  isEnabled?: boolean;
  onNew?: boolean;
  onRegression?: boolean;
  onPromoted?: boolean;
  onSpike?: boolean;
  spikeCount?: number;
  spikeFactor?: number;
  levels?: readonly string[];
  environments?: readonly string[];
  cooldownMinutes?: number;
}

export interface AlertsRoom {
  alerts: Alerts;
  clock: TestClock;
  /** Digests a group: issues and alerts in one transaction. */
  digest(...facts: DigestedFacts[]): Promise<void>;
  /** The same, rolled back at the end. */
  digestInVain(...facts: DigestedFacts[]): Promise<void>;
  addChannel(kind: string, to: string, projectId?: number): Promise<number>;
  addRule(rule: RuleFacts): Promise<void>;
  messages(): Promise<NotedMessage[]>;
  /** Waits until every message is in one of the states. */
  settle(...states: string[]): Promise<NotedMessage[]>;
  /** Waits until no job is due: each was done, or put off. */
  rest(): Promise<void>;
  /** Has everything that waits for its time done now, and waits until nothing is left to do. */
  hurry(): Promise<void>;
  stop(): Promise<void>;
}

/** Builds it, with two projects; whatever was in the tables is removed. */
export async function openAlertsRoom(
  test: TestDatabase,
  options: { mail?: MailWay | null; allowPrivate?: boolean; audit?: AuditTrail } = {},
): Promise<AlertsRoom> {
  const { database: db, connection } = test;
  await db.query(
    `TRUNCATE projects, sessions, issues, issue_numbers, groupings, occurrences, issue_hours, issue_sessions, issue_users, issue_releases,
       project_releases, issue_activity, alert_channels, alert_rules, alert_messages, alert_cooldowns RESTART IDENTITY CASCADE`,
  );
  await db.query("INSERT INTO projects (id, name, slug) OVERRIDING SYSTEM VALUE VALUES (1, 'Shop', 'shop'), (2, 'Blog', 'blog')");
  const clock = createTestClock(Date.now());
  const issues = createIssues({ db, clock });
  const jobs = createJobs({ db, connection, log: quietLog });
  const alerts = createAlerts({
    db,
    clock,
    log: quietLog,
    audit: options.audit ?? { record: () => Promise.resolve() },
    jobs,
    publicUrl: "https://watch.example.com",
    mail: options.mail ?? null,
    allowPrivate: options.allowPrivate ?? true,
  });
  // What an earlier room put off must not begin with this one; before the first one there is no table yet.
  const [known] = await db.query("SELECT 1 FROM pg_tables WHERE schemaname = 'graphile_worker' AND tablename = '_private_jobs'");
  if (known) await db.query("DELETE FROM graphile_worker._private_jobs");
  await jobs.start();

  const digest = (facts: readonly DigestedFacts[], isKept: boolean) =>
    db.transaction(async (tx) => {
      const group = facts.map((one) => digestedOf({ receivedAt: clock.now(), ...one }));
      await alerts.note(tx, await issues.write(tx, group));
      if (!isKept) throw new Error("rolled back on purpose");
    });
  const messages = () =>
    db.query<NotedMessage>(
      `SELECT message_id AS "messageId", channel_id AS "channelId", kind, state, attempts, fault, held_back AS "heldBack"
       FROM alert_messages ORDER BY message_id`,
    );
  const rest = async () => {
    const isDue = "SELECT 1 AS one FROM graphile_worker._private_jobs WHERE run_at <= now() + interval '1 second'";
    await waitFor(async () => (await db.query(isDue)).length === 0, { what: () => "jobs to be done" });
  };
  return {
    alerts,
    clock,
    digest: (...facts) => digest(facts, true),
    digestInVain: (...facts) => digest(facts, false).catch(() => undefined),
    async addChannel(kind, to, projectId = 1) {
      const isMail = kind === "email";
      const [row] = await db.query<{ id: number }>(
        `INSERT INTO alert_channels (project_id, kind, name, recipients, url, secret) VALUES ($1, $2, $2, $3, $4, 'the secret')
         RETURNING channel_id AS id`,
        [projectId, kind, isMail ? to.split(",") : [], isMail ? "" : to],
      );
      return row?.id ?? 0;
    },
    async addRule(rule) {
      await db.query(
        `INSERT INTO alert_rules (project_id, name, is_enabled, on_new, on_regression, on_promoted, on_spike, spike_count, spike_factor, levels,
           environments, cooldown_minutes, channel_ids) VALUES ($1, 'rule', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
        [
          rule.projectId ?? 1,
          rule.isEnabled ?? true,
          rule.onNew ?? false,
          rule.onRegression ?? false,
          rule.onPromoted ?? false,
          rule.onSpike ?? false,
          rule.spikeCount ?? 20,
          rule.spikeFactor ?? 5,
          rule.levels ?? [],
          rule.environments ?? [],
          rule.cooldownMinutes ?? 60,
          rule.channelIds,
        ],
      );
    },
    messages,
    async settle(...states) {
      await waitFor(async () => (await messages()).every(({ state }) => states.includes(state)), {
        what: () => `messages to be ${states.join(" or ")}`,
      });
      return messages();
    },
    rest,
    async hurry() {
      await db.query("UPDATE graphile_worker._private_jobs SET run_at = now() WHERE locked_at IS NULL");
      // The worker looks at once, as for a job that was added, and not a second later.
      await db.query("SELECT pg_notify('jobs:insert', '{\"count\":3}')");
      await rest();
    },
    async stop() {
      alerts.stop();
      await jobs.stop();
    },
  };
}
