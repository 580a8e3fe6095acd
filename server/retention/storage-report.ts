/** What is stored, by project and by day, for people. */

import type { Queryable } from "../db/db.ts";
import { listPartitions, sizeOf } from "./day-tables.ts";

/** Payload bytes and sessions of a project on one day. */
export interface StoredDay {
  day: string;
  bytes: number;
  sessions: number;
}

/** What a project has. */
export interface ProjectStorage {
  projectId: number;
  name: string;
  /** Of payloads, which is what a budget of a project counts. */
  bytes: number;
  sessions: number;
  pinnedSessions: number;
  budgetBytes: number | null;
  days: StoredDay[];
}

/** What the tables of one day take on the disk. */
export interface TableDay {
  day: string;
  bytes: number;
}

/** What these projects have (all where `projectIds` is null), the newest day first. */
export async function readProjectStorage(db: Queryable, projectIds: readonly number[] | null): Promise<ProjectStorage[]> {
  const projects = await db.query<{ id: number; name: string; budget: number | null }>(
    `SELECT id, name, storage_budget_bytes AS budget FROM projects
     WHERE removed_at IS NULL AND ($1::integer[] IS NULL OR id = ANY($1)) ORDER BY id`,
    [projectIds],
  );
  const rows = await db.query<{ project_id: number; day: string; bytes: number; sessions: number; pinned: number }>(
    `SELECT project_id, started_on AS day, sum(byte_count)::bigint AS bytes, count(*) AS sessions, count(pinned_at) AS pinned
     FROM sessions WHERE project_id = ANY($1) GROUP BY project_id, started_on ORDER BY started_on DESC`,
    [projects.map(({ id }) => id)],
  );
  return projects.map(({ id, name, budget }) => {
    const own = rows.filter((row) => row.project_id === id);
    const sum = (of: (row: (typeof own)[number]) => number) => own.reduce((total, row) => total + of(row), 0);
    return {
      projectId: id,
      name,
      bytes: sum((row) => row.bytes),
      sessions: sum((row) => row.sessions),
      pinnedSessions: sum((row) => row.pinned),
      budgetBytes: budget,
      days: own.map(({ day, bytes, sessions }) => ({ day, bytes, sessions })),
    };
  });
}

/** What the tables of each day take with their indexes, the newest first. */
export async function readTableDays(db: Queryable): Promise<TableDay[]> {
  const names = new Map<string, string[]>();
  for (const { from, name } of await listPartitions(db)) names.set(from, [...(names.get(from) ?? []), name]);
  const days: TableDay[] = [];
  for (const [day, ofDay] of names) days.push({ day, bytes: await sizeOf(db, ofDay) });
  return days.sort((a, b) => (a.day < b.day ? 1 : -1));
}
