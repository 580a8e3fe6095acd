/** One clean-up: everything that need not stay goes, the oldest days first, a day at a time. */

import type { Database, Queryable } from "../db/db.ts";
import { overBudget } from "./budget.ts";
import {
  boundsOf,
  busyAsNull,
  exchangeDay,
  isGoingOn,
  listPartitions,
  lockForExchange,
  lockForRows,
  type Partition,
  partitionsOf,
} from "./day-tables.ts";
import { removeOldErrors, removeUnused, removeWaitingErrors } from "./error-rows.ts";
import {
  dayOf,
  newestCutoff,
  oldestCutoff,
  type ProjectRule,
  readRules,
  type RetentionDefaults,
  RULED_SESSIONS,
  STAYS,
  toParameter,
} from "./rules.ts";
import { NO_DAY, noteDays, removeSessionRows, removeSessions } from "./session-rows.ts";

/** Sessions whose rows go in one transaction, so that none holds its locks for long. */
const CHUNK = 500;
/** A day that is over budget again and again is not looked at for ever. */
const MAX_BUDGET_ROUNDS = 4_000;
const DAY_MS = 24 * 3_600_000;
/** Trackers keep what they could not send for 7 days at most; a session id that was erased is refused for four times as long. */
export const TOMBSTONE_DAYS = 30;
/** A process that died with batches of an erased session half written did so within this time. */
const SWEEP_DAYS = 2;

/** What one clean-up removed, and what it had to leave for the next one. */
export interface CleanUpReport {
  sessions: number;
  batches: number;
  /** Rows of errors, feedback and their files that were of no session. */
  errors: number;
  /** Payload bytes of what was removed. */
  bytes: number;
  /** Bytes that the tables and indexes of the days take less than before, as Postgres counts them. */
  freedBytes: number;
  /** Days of which nothing is left. */
  days: string[];
  /** Days of which something stays, for its errors, its pins or its project. */
  thinned: string[];
  /** Days that were in use at the moment. */
  postponed: string[];
  /** Longest time for which readers and writers waited for tables to be dropped or exchanged. */
  longestDropMs: number;
  /** By how much the budget is still passed: all that is left is pinned, goes on, or is of today. */
  overBudgetBytes: number;
}

/** What a clean-up is told. */
export interface CleanUpOptions extends RetentionDefaults {
  /** Server time. */
  now: number;
  /** `STORAGE_BUDGET_GB` in bytes; null for none. */
  budgetBytes: number | null;
}

/** Runs one. What belongs to removed projects is the eraser's. */
export async function cleanUp(db: Database, options: CleanUpOptions): Promise<CleanUpReport> {
  const report: CleanUpReport = {
    sessions: 0,
    batches: 0,
    errors: 0,
    bytes: 0,
    freedBytes: 0,
    days: [],
    thinned: [],
    postponed: [],
    longestDropMs: 0,
    overBudgetBytes: 0,
  };
  const rules = await readRules(db, options.now, options);
  for (const day of await listDays(db, rules)) await cleanDay(db, day, rules, report);
  await keepToBudget(db, rules, options, report);
  report.errors = await removeOldErrors(db, rules);
  if (report.errors > 0 || report.sessions > 0) {
    await removeUnused(db, rules);
    await noteDays(db, [NO_DAY]);
  }
  await forgetTombstones(db, options.now);
  return report;
}

/** While something is over budget, its oldest day goes. */
async function keepToBudget(db: Database, rules: ProjectRule[], options: CleanUpOptions, report: CleanUpReport): Promise<void> {
  const today = dayOf(options.now);
  let tight = rules;
  for (let round = 0; round < MAX_BUDGET_ROUNDS; round++) {
    const found = await overBudget(db, tight, { budgetBytes: options.budgetBytes, today, postponed: report.postponed });
    report.overBudgetBytes = found.overBytes;
    if (found.next === null) return;
    tight = found.next.rules;
    await cleanDay(db, found.next.day, tight, report);
  }
}

/** Days of which something may have to go, the oldest first. */
async function listDays(db: Queryable, rules: readonly ProjectRule[]): Promise<string[]> {
  const newest = newestCutoff(rules);
  if (newest === "") return [];
  const rows = await db.query<{ day: string }>(
    `SELECT DISTINCT s.started_on AS day FROM ${RULED_SESSIONS} WHERE s.started_on < $2::date AND NOT ${STAYS}`,
    [toParameter(rules), newest],
  );
  const days = new Set(rows.map(({ day }) => day));
  // Tables of days of which no session is left: a clean-up that was cut off, or an erasure.
  const oldest = oldestCutoff(rules);
  const full = await db.query<{ day: string }>("SELECT DISTINCT started_on AS day FROM sessions WHERE started_on < $1::date", [
    oldest,
  ]);
  const inUse = full.map(({ day }) => day);
  for (const { from, to } of await listPartitions(db)) {
    if (to <= oldest && !inUse.some((day) => from <= day && day < to)) days.add(from);
  }
  return [...days].sort();
}

/** Removes what does not stay of a day, and adds it to the report. */
async function cleanDay(db: Database, day: string, rules: readonly ProjectRule[], report: CleanUpReport): Promise<void> {
  const exchanged = await db.transaction((tx) => exchangeTables(tx, db, day, rules)).catch(busyAsNull);
  if (exchanged === null) {
    if (!report.postponed.includes(day)) report.postponed.push(day);
    return;
  }
  const { going, batches, bytes, isEmpty, movedAt } = exchanged;
  if (movedAt !== null) report.longestDropMs = Math.max(report.longestDropMs, Math.round(performance.now() - movedAt));
  report.freedBytes += exchanged.freedBytes;
  report.batches += batches;
  report.bytes += bytes;
  for (let at = 0; at < going.length; at += CHUNK) {
    const ids = going.slice(at, at + CHUNK);
    report.sessions += ids.length;
    await db.transaction(async (tx) => {
      await lockForRows(tx);
      const leaving = exchanged.areRowsGone ? ids : await unpinned(tx, ids);
      await removeWaitingErrors(tx, leaving);
      await (exchanged.areRowsGone ? removeSessionRows(tx, leaving) : removeSessions(tx, leaving));
    });
  }
  if (isEmpty) report.days.push(day);
  else if (going.length > 0 && !report.thinned.includes(day)) report.thinned.push(day);
}

/** Those of them that nobody has pinned meanwhile, and nobody does until the end of the transaction. */
async function unpinned(tx: Queryable, ids: readonly string[]): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    "SELECT session_id AS id FROM sessions WHERE session_id = ANY($1) AND pinned_at IS NULL ORDER BY session_id FOR UPDATE",
    [ids],
  );
  return rows.map(({ id }) => id);
}

interface Exchanged {
  /** Ids of sessions whose rows elsewhere have to go. */
  going: string[];
  batches: number;
  bytes: number;
  freedBytes: number;
  /** When the exchange began; null where there was none. */
  movedAt: number | null;
  /** Their rows in the tables of the day are gone already. */
  areRowsGone: boolean;
  /** Nothing of the day is left. */
  isEmpty: boolean;
}

/**
 * Drops or exchanges the tables of a day, unless a session of it still goes on: then its rows go one by one.
 * @returns null where another process cleans up at the moment
 */
async function exchangeTables(
  tx: Queryable,
  db: Queryable,
  day: string,
  rules: readonly ProjectRule[],
): Promise<Exchanged | null> {
  if (!(await lockForExchange(tx))) return null;
  const partitions: Partition[] = partitionsOf(await listPartitions(tx), day);
  const { from, to } = boundsOf(partitions, day);
  const rows = await tx.query<{ id: string; day: string; stays: boolean; batches: number; bytes: number }>(
    `SELECT s.session_id AS id, s.started_on AS day, ${STAYS} AS stays, s.batch_count AS batches, s.byte_count AS bytes
     FROM ${RULED_SESSIONS} WHERE s.started_on >= $2::date AND s.started_on < $3::date`,
    [toParameter(rules), from, to],
  );
  const staying = rows.filter((row) => row.stays).map(({ id }) => id);
  const going = rows.filter((row) => !row.stays);
  const shared = {
    going: going.map(({ id }) => id),
    batches: going.reduce((sum, row) => sum + row.batches, 0),
    bytes: going.reduce((sum, row) => sum + row.bytes, 0),
    isEmpty: staying.length === 0,
  };
  if (going.length === 0 && staying.length > 0) return { ...shared, freedBytes: 0, movedAt: null, areRowsGone: true };
  if (partitions.length === 0 || (await isGoingOn(tx, from, to))) {
    return { ...shared, freedBytes: 0, movedAt: null, areRowsGone: partitions.length === 0 };
  }
  await noteDays(tx, [day]);
  const { bytesBefore, bytesAfter, movedAt } = await exchangeDay(tx, db, partitions, staying);
  return { ...shared, freedBytes: bytesBefore - bytesAfter, movedAt, areRowsGone: true };
}

/** Erased ids are forgotten, after what may have come back in spite of them was removed. */
async function forgetTombstones(db: Database, now: number): Promise<void> {
  await db.transaction(async (tx) => {
    await lockForRows(tx);
    const back = await tx.query<{ id: string }>(
      `SELECT t.session_id AS id FROM tombstones t
       WHERE t.erased_at > to_timestamp($1 / 1000.0) AND (EXISTS (SELECT FROM sessions s WHERE s.session_id = t.session_id)
          OR EXISTS (SELECT FROM session_events e WHERE e.session_id = t.session_id)
          OR EXISTS (SELECT FROM occurrences o WHERE o.session_id = t.session_id))`,
      [now - SWEEP_DAYS * DAY_MS],
    );
    if (back.length > 0) {
      await removeSessions(
        tx,
        back.map(({ id }) => id),
      );
    }
    await tx.query("DELETE FROM tombstones WHERE erased_at < to_timestamp($1 / 1000.0)", [now - TOMBSTONE_DAYS * DAY_MS]);
  });
}
