/** Too much is stored: which day has to go next. */

import type { Queryable } from "../db/db.ts";
import { listPartitions, sizeOf } from "./day-tables.ts";
import { keepOnlyFrom, dayAfter, type ProjectRule } from "./rules.ts";

/** What may be stored, and what cannot be removed now. */
export interface Budget {
  /** Of the whole installation; null for any number. */
  budgetBytes: number | null;
  /** What began today stays: it may still be sent. */
  today: string;
  /** Days that are in use at the moment. */
  postponed: readonly string[];
}

/** How much is too much, and the rules under which one more day is cleaned; null where nothing more can go. */
export interface OverBudget {
  overBytes: number;
  next: { day: string; rules: ProjectRule[] } | null;
}

/** Bytes of everything that is stored of sessions, with indexes. */
export async function storedBytes(db: Queryable): Promise<number> {
  const partitions = await listPartitions(db);
  return sizeOf(db, [...partitions.map(({ name }) => name), "sessions", "session_tabs"]);
}

/**
 * Looks whether a project or the installation has more than its budget. A project's bytes are those of its payloads; the installation's
 * are those of its tables.
 */
export async function overBudget(db: Queryable, rules: readonly ProjectRule[], budget: Budget): Promise<OverBudget> {
  let overBytes = 0;
  for (const { projectId, budgetBytes } of rules) {
    if (budgetBytes === null) continue;
    const [used] = await db.query<{ bytes: number }>(
      "SELECT coalesce(sum(byte_count), 0)::bigint AS bytes FROM sessions WHERE project_id = $1",
      [projectId],
    );
    if ((used?.bytes ?? 0) <= budgetBytes) continue;
    overBytes = Math.max(overBytes, (used?.bytes ?? 0) - budgetBytes);
    const next = await oldestDay(db, rules, projectId, budget);
    if (next) return { overBytes, next };
  }
  if (budget.budgetBytes === null) return { overBytes, next: null };
  const stored = await storedBytes(db);
  if (stored <= budget.budgetBytes) return { overBytes, next: null };
  overBytes = Math.max(overBytes, stored - budget.budgetBytes);
  return { overBytes, next: await oldestDay(db, rules, null, budget) };
}

/**
 * The oldest day of which something can go, with errors or without. A day on which a session still goes on is left alone: its tables cannot be
 * exchanged, so that nothing would be won.
 */
async function oldestDay(
  db: Queryable,
  rules: readonly ProjectRule[],
  projectId: number | null,
  { today, postponed }: Budget,
): Promise<OverBudget["next"]> {
  const [row] = await db.query<{ day: string | null }>(
    `SELECT min(started_on) AS day FROM sessions s
     WHERE ($1::integer IS NULL OR project_id = $1) AND started_on < $2::date AND started_on <> ALL($3::date[])
       AND pinned_at IS NULL AND status = 'ended' AND project_id = ANY($4)
       AND NOT EXISTS (SELECT FROM sessions g WHERE g.started_on = s.started_on AND g.status <> 'ended')`,
    [projectId, today, postponed, rules.map((rule) => rule.projectId)],
  );
  const day = row?.day ?? null;
  return day === null ? null : { day, rules: keepOnlyFrom(rules, projectId, dayAfter(day)) };
}
