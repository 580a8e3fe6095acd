/** Which sessions stay, and until when: the one place where retention, errors, pins and budgets come together. */

import type { Queryable } from "../db/db.ts";

const DAY_MS = 24 * 3_600_000;

/** What holds where a project says nothing else. */
export interface RetentionDefaults {
  /** `RETENTION_DAYS`. */
  retentionDays: number;
  /** `ERROR_RETENTION_DAYS`; fewer than `retentionDays` counts as that. */
  errorRetentionDays: number;
}

/** Days (`YYYY-MM-DD`) from which on sessions of a project stay, those with errors, and all others. */
export interface ProjectRule {
  projectId: number;
  keepFrom: string;
  keepErrorsFrom: string;
  /** Payload bytes that the project may keep; null for any number. */
  budgetBytes: number | null;
}

/** The day of a moment in UTC. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** The day after. */
export function dayAfter(day: string): string {
  return dayOf(Date.parse(`${day}T00:00:00Z`) + DAY_MS);
}

/**
 * The rules of every project at `now`. A project that has its own number of days and none for errors keeps errors no longer than the rest:
 * whoever asks for less must not be given more.
 */
export async function readRules(db: Queryable, now: number, defaults: RetentionDefaults): Promise<ProjectRule[]> {
  const rows = await db.query<{ id: number; days: number | null; error_days: number | null; budget: number | null }>(
    `SELECT id, retention_days AS days, error_retention_days AS error_days, storage_budget_bytes AS budget
     FROM projects WHERE removed_at IS NULL`,
  );
  return rows.map(({ id, days, error_days: errorDays, budget }) => {
    const kept = days ?? defaults.retentionDays;
    const keptErrors = Math.max(kept, errorDays ?? (days === null ? defaults.errorRetentionDays : kept));
    return {
      projectId: id,
      keepFrom: dayOf(now - kept * DAY_MS),
      keepErrorsFrom: dayOf(now - keptErrors * DAY_MS),
      budgetBytes: budget,
    };
  });
}

/** The rules with a further one: of this project (of all where it is null) nothing from before `day` stays. */
export function keepOnlyFrom(rules: readonly ProjectRule[], projectId: number | null, day: string): ProjectRule[] {
  return rules.map((rule) =>
    projectId !== null && rule.projectId !== projectId
      ? rule
      : { ...rule, keepFrom: later(rule.keepFrom, day), keepErrorsFrom: later(rule.keepErrorsFrom, day) },
  );
}

function later(one: string, other: string): string {
  return one > other ? one : other;
}

/** The day before which something may have to go. */
export function newestCutoff(rules: readonly ProjectRule[]): string {
  return rules.reduce((newest, { keepFrom }) => later(newest, keepFrom), "");
}

/** The day before which nothing stays but pinned sessions. */
export function oldestCutoff(rules: readonly ProjectRule[]): string {
  return rules.reduce((oldest, { keepErrorsFrom }) => (keepErrorsFrom < oldest ? keepErrorsFrom : oldest), "9999-12-31");
}

/** The rules as a parameter of statements that use {@link RULED_SESSIONS}. */
export function toParameter(rules: readonly ProjectRule[]): string {
  return JSON.stringify(
    rules.map((rule) => ({ project_id: rule.projectId, keep_from: rule.keepFrom, keep_errors_from: rule.keepErrorsFrom })),
  );
}

/** `FROM` of sessions `s` with their rules `k`, which are parameter 1. A project without a rule is left alone. */
export const RULED_SESSIONS = `sessions s LEFT JOIN
  jsonb_to_recordset($1::jsonb) AS k (project_id integer, keep_from date, keep_errors_from date) USING (project_id)`;

/** True of a session `s` with its rule `k` that stays. An error that a backend or another SDK reported of it counts like its own. */
export const STAYS = `(s.pinned_at IS NOT NULL OR s.status <> 'ended' OR k.keep_from IS NULL OR s.started_on >= k.keep_from
  OR (s.started_on >= k.keep_errors_from AND (s.error_count > 0 OR EXISTS (SELECT FROM occurrences o
    WHERE o.session_id = s.session_id AND o.project_id = s.project_id AND o.source = 'sdk'))))`;
