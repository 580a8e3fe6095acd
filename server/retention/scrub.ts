/**
 * Cleaning the files of the database: Postgres leaves the bytes of a removed row where they were until something else needs the place. Tables
 * that lost rows are written anew, so that the old files go with all that was in them: heap, indexes, out-of-line values, and the samples
 * that the planner's statistics keep. In the embedded Postgres the write-ahead log is passed over as well.
 *
 * What is too large to be written anew at once while it is in use is vacuumed, and written anew when its day is over.
 */

import { type ConnectionOptions, withClient } from "../db/connection.ts";
import type { Database, Queryable } from "../db/db.ts";
import type { Logger } from "../log.ts";
import {
  busyAsNull,
  boundsOf,
  exchangeDay,
  isGoingOn,
  listPartitions,
  lockForExchange,
  PARTITIONED,
  partitionsOf,
  sizeOf,
} from "./day-tables.ts";
import { ERROR_TABLES } from "./error-rows.ts";
import { WORD_TABLES } from "./sharing-rows.ts";
import { dayOf } from "./rules.ts";
import { listSideTables } from "./session-rows.ts";

/** A table that is in use is written anew where that takes no longer than about a second (100 MB and more a second, measured). */
const MAX_IN_USE_BYTES = 128 * 1024 * 1024;
const LOCK_TIMEOUT_MS = 2_000;

/** What became of the files. */
export interface ScrubReport {
  /** Days of which no byte is left of what was removed. */
  days: string[];
  /** Days that are in use and large: vacuumed now, written anew when they are over. */
  later: string[];
  /** Tables in use that were too large to be written anew, or busy, and were vacuumed. */
  vacuumed: string[];
  /** True where the write-ahead log holds nothing of it either. */
  isLogClean: boolean;
  tookMs: number;
}

/** What a scrub is given. */
export interface ScrubDeps {
  db: Database;
  connection: ConnectionOptions;
  log: Logger;
  /** The embedded Postgres, whose write-ahead log is ours to pass over. */
  isEmbedded: boolean;
  /** Server time, whose day is left in its tables while it lasts. */
  now(): number;
}

/** Cleans what is due. Returns null where nothing is. */
export async function scrub(deps: ScrubDeps): Promise<ScrubReport | null> {
  const { db, connection, isEmbedded, log } = deps;
  const startedAt = performance.now();
  const due = await db.query<{ day: string; since: string }>(
    "SELECT started_on AS day, since::text FROM days_to_scrub ORDER BY started_on",
  );
  if (due.length === 0) return null;
  const report: ScrubReport = { days: [], later: [], vacuumed: [], isLogClean: false, tookMs: 0 };
  await withClient(
    connection,
    async (client) => {
      const on: Queryable = {
        query: async <Row extends object>(sql: string, values: readonly unknown[] = []) =>
          (await client.query<Row>(sql, [...values])).rows,
      };
      await on.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
      for (const { day } of due) {
        const isClean = (await rewriteDay(db, day, dayOf(deps.now()))) || (await rewriteInUse(on, db, day, report));
        (isClean ? report.days : report.later).push(day);
      }
      for (const table of await tablesOfAllDays(on)) await rewriteTable(on, table, report);
      await clearStatistics(on);
      if (await isSuperuser(on)) {
        await on.query("VACUUM (FULL) pg_catalog.pg_statistic");
        if (isEmbedded) await passOverLog(on);
        report.isLogClean = isEmbedded;
      }
      await on.query("CHECKPOINT").catch((error: unknown) => {
        log.debug("no checkpoint after a removal", { error: String(error) });
      });
    },
    { statementTimeoutMs: 0, applicationName: "watchback-scrub" },
  );
  for (const { day, since } of due) {
    if (!report.days.includes(day)) continue;
    await db.query("DELETE FROM days_to_scrub WHERE started_on = $1::date AND since = $2::timestamptz", [day, since]);
  }
  report.tookMs = performance.now() - startedAt;
  return report;
}

/**
 * Gives back what the write-ahead log of the embedded Postgres keeps for later: up to some gigabytes. Elsewhere it does nothing.
 * @throws what Postgres says
 */
export async function trimLog({ connection, isEmbedded }: ScrubDeps): Promise<void> {
  if (!isEmbedded) return;
  await withClient(
    connection,
    (client) => passOverLog({ query: async <Row extends object>(sql: string) => (await client.query<Row>(sql)).rows }),
    { statementTimeoutMs: 0, applicationName: "watchback-scrub" },
  );
}

/** Writes the tables of a day anew with all that is left, where nothing of it goes on any more. */
async function rewriteDay(db: Database, day: string, today: string): Promise<boolean> {
  const exchanged = await db
    .transaction(async (tx) => {
      if (!(await lockForExchange(tx))) return null;
      const partitions = partitionsOf(await listPartitions(tx), day);
      if (partitions.length === 0) return true;
      const { from, to } = boundsOf(partitions, day);
      // What began today is joined by others all the time: their batches would wait.
      if (to > today || (await isGoingOn(tx, from, to))) return null;
      const left = await tx.query<{ id: string }>(
        "SELECT session_id AS id FROM sessions WHERE started_on >= $1::date AND started_on < $2::date",
        [from, to],
      );
      await exchangeDay(
        tx,
        db,
        partitions,
        left.map(({ id }) => id),
      );
      return true;
    })
    .catch(busyAsNull);
  return exchanged === true;
}

/** Writes the tables of a day anew while it goes on, where they are small. */
async function rewriteInUse(on: Queryable, db: Queryable, day: string, report: ScrubReport): Promise<boolean> {
  let isClean = true;
  for (const { name } of partitionsOf(await listPartitions(db), day)) isClean = (await rewriteTable(on, name, report)) && isClean;
  return isClean;
}

/** True where the table was written anew, statistics included; else it was vacuumed. */
async function rewriteTable(on: Queryable, name: string, report: ScrubReport): Promise<boolean> {
  if ((await sizeOf(on, [name])) <= MAX_IN_USE_BYTES) {
    const isDone = await on.query(`VACUUM (FULL, ANALYZE) ${name}`).then(() => true, busyAsNull);
    if (isDone) return true;
  }
  await on.query(`VACUUM (ANALYZE) ${name}`).catch(busyAsNull);
  report.vacuumed.push(name);
  return false;
}

/**
 * Throws away what the planner remembers of values, which ANALYZE does not do for a table that has become empty, nor for the parents of
 * partitions; then lets it look again. Postgres 17 and older have no way for it: there the values stay until the next ANALYZE that finds rows.
 */
async function clearStatistics(on: Queryable): Promise<void> {
  const [can] = await on.query<{ can: boolean }>("SELECT to_regproc('pg_catalog.pg_clear_attribute_stats') IS NOT NULL AS can");
  const tables = [...PARTITIONED, ...(await tablesOfAllDays(on))];
  if (can?.can) {
    await on.query(
      `SELECT pg_catalog.pg_clear_attribute_stats(schemaname::text, tablename::text, attname::text, inherited)
       FROM pg_stats WHERE schemaname = current_schema() AND tablename = ANY($1)`,
      [tables],
    );
  }
  for (const table of tables.slice(PARTITIONED.length)) await on.query(`ANALYZE ${table}`);
}

/** The tables that are not partitioned, from which something may have been removed. */
async function tablesOfAllDays(on: Queryable): Promise<string[]> {
  const tables = ["sessions", "session_tabs", "audit_log", ...ERROR_TABLES, ...WORD_TABLES, ...(await listSideTables(on))];
  return tables.filter(isFirst);
}

async function isSuperuser(on: Queryable): Promise<boolean> {
  const [row] = await on.query<{ is: boolean }>("SELECT rolsuper AS is FROM pg_roles WHERE rolname = current_user");
  return row?.is ?? false;
}

/**
 * Leaves no old segment of the write-ahead log: those behind the checkpoint are removed instead of being used again, and those that wait to
 * be used again are passed over, which fills them with zeros, and then removed as well.
 */
async function passOverLog(on: Queryable): Promise<void> {
  await on.query("ALTER SYSTEM SET wal_recycle = off");
  try {
    await on.query("SELECT pg_reload_conf()");
    await passOn(on);
    await on.query("CHECKPOINT");
    const [row] = await on.query<{ count: number }>(
      `SELECT count(*) AS count FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' AND name > pg_walfile_name(pg_current_wal_lsn())`,
    );
    for (let i = row?.count ?? 0; i >= 0; i--) await passOn(on);
    await on.query("CHECKPOINT");
  } finally {
    await on.query("ALTER SYSTEM RESET wal_recycle");
    await on.query("SELECT pg_reload_conf()");
  }
}

/** To the next segment; the rest of this one is filled with zeros. */
async function passOn(on: Queryable): Promise<void> {
  await on.query("SELECT pg_logical_emit_message(false, 'watchback', '')");
  await on.query("SELECT pg_switch_wal()");
}

function isFirst(name: string, at: number, names: readonly string[]): boolean {
  return names.indexOf(name) === at;
}
