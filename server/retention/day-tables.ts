/**
 * The tables of one day: dropped whole where nothing of it stays, else replaced by new ones that hold what stays. Either way the old files
 * go, with every byte in them, and nobody waits for longer than the exchange of the tables (0.1 s, measured).
 */

import type { Queryable } from "../db/db.ts";
import { dayAfter } from "./rules.ts";

/** One clean-up at a time over all processes; erasing shares it, so that neither waits for what the other holds. */
const FORGETTING_LOCK = 7_420_003;
/** Dropping a partition waits for readers of its table while others wait behind it: better to give up and come back. */
const LOCK_TIMEOUT_MS = 2_000;
const LOCK_NOT_AVAILABLE = "55P03";
const DEADLOCK = "40P01";

/** The tables that are partitioned by the day on which a session started. */
export const PARTITIONED = ["session_events", "session_markers", "session_errors"] as const;
type Partitioned = (typeof PARTITIONED)[number];
/** What a table made with LIKE does not get from its example. As `server/store` makes them. */
const OPTIONS: Readonly<Record<Partitioned, string>> = {
  session_events: " WITH (toast_tuple_target = 8160)",
  session_markers: "",
  session_errors: "",
};

/** One partition of one of the tables. */
export interface Partition {
  table: Partitioned;
  /** Quoted where that is needed. */
  name: string;
  from: string;
  /** The day after its last. */
  to: string;
}

/** What became of the tables of a day. */
export interface DayExchange {
  /** Rows of batches that were carried over. */
  movedBatches: number;
  bytesBefore: number;
  bytesAfter: number;
  /** When what stays was carried over (`performance.now`): from then until the commit, which removes the files, readers and writers wait. */
  movedAt: number;
}

/** The partitions as the catalogue knows them. A default partition has no bounds and is left alone. */
export async function listPartitions(db: Queryable): Promise<Partition[]> {
  const rows = await db.query<{ parent: string; name: string; bounds: string }>(
    `SELECT i.inhparent::regclass::text AS parent, c.oid::regclass::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds
     FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = ANY($1::regclass[]) ORDER BY 2`,
    [PARTITIONED],
  );
  return rows.flatMap(({ parent, name, bounds }) => {
    const table = PARTITIONED.find((known) => known === parent);
    const [, from, to] = /FROM \('(\d{4}-\d\d-\d\d)'\) TO \('(\d{4}-\d\d-\d\d)'\)/.exec(bounds) ?? [];
    return table && from && to ? [{ table, name, from, to }] : [];
  });
}

/** Those of them that hold a day. */
export function partitionsOf(partitions: readonly Partition[], day: string): Partition[] {
  return partitions.filter(({ from, to }) => from <= day && day < to);
}

/** Bytes of these tables with their indexes and everything else. */
export async function sizeOf(db: Queryable, names: readonly string[]): Promise<number> {
  const [row] = await db.query<{ bytes: number }>(
    "SELECT coalesce(sum(pg_total_relation_size(name::regclass)), 0)::bigint AS bytes FROM unnest($1::text[]) AS t (name)",
    [names],
  );
  return row?.bytes ?? 0;
}

/** Takes the lock of those who exchange tables, in a transaction. False where somebody else holds it. */
export async function lockForExchange(tx: Queryable): Promise<boolean> {
  await tx.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
  await tx.query("SET LOCAL statement_timeout = 0");
  const [lock] = await tx.query<{ got: boolean }>("SELECT pg_try_advisory_xact_lock($1) AS got", [FORGETTING_LOCK]);
  return lock?.got === true;
}

/** Waits until nobody exchanges tables, and keeps it so until the end of the transaction. Any number of transactions may have it. */
export async function lockForRows(tx: Queryable): Promise<void> {
  await tx.query("SELECT pg_advisory_xact_lock_shared($1)", [FORGETTING_LOCK]);
}

/** Resolves with null for errors that mean "somebody is at it; come back later". */
export function busyAsNull(error: unknown): null {
  if (error instanceof Error && "code" in error && (error.code === LOCK_NOT_AVAILABLE || error.code === DEADLOCK)) return null;
  throw error;
}

/**
 * What was moved is made durable before anybody has to wait: any commit elsewhere takes the write-ahead log so far with it, and the commit of
 * the exchange then has little left to write (measured for 75 MB: 1.5 s and 0.7 s).
 */
async function writeOut(db: Queryable): Promise<void> {
  await db.query(
    "INSERT INTO settings (name, value) VALUES ('moved_at', now()::text) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
  );
}

/**
 * Exchanges the tables of a day for ones that hold the rows of `staying` only, or for none where that is empty. Nothing of the day may be
 * going on: writers to these very tables wait meanwhile; readers only for the exchange.
 * @param tx a transaction that has the lock of {@link lockForExchange}
 * @param db for statements outside of it
 */
export async function exchangeDay(
  tx: Queryable,
  db: Queryable,
  partitions: readonly Partition[],
  staying: readonly string[],
): Promise<DayExchange> {
  const names = partitions.map(({ name }) => name);
  const bytesBefore = await sizeOf(tx, names);
  for (const name of names) await tx.query(`LOCK TABLE ${name} IN SHARE ROW EXCLUSIVE MODE`);
  let movedBatches = 0;
  if (staying.length > 0) {
    await tx.query('CREATE TEMPORARY TABLE staying (session_id text COLLATE "C" PRIMARY KEY) ON COMMIT DROP');
    await tx.query("INSERT INTO staying SELECT unnest($1::text[])", [staying]);
    for (const partition of partitions) {
      const moved = await move(tx, partition);
      if (partition.table === "session_events") movedBatches += moved;
    }
    await writeOut(db);
  }
  const movedAt = performance.now();
  for (const partition of partitions) await replace(tx, partition, staying.length > 0);
  return {
    movedBatches,
    bytesBefore,
    bytesAfter: staying.length > 0 ? await sizeOf(tx, names) : 0,
    movedAt,
  };
}

async function move(tx: Queryable, { table, name, from, to }: Partition): Promise<number> {
  const kept = keptName(name);
  await tx.query(`CREATE TABLE ${kept} (LIKE ${table} INCLUDING ALL)${OPTIONS[table]}`);
  // Known to hold, so that the new table is attached without a look at its rows.
  await tx.query(
    `ALTER TABLE ${kept} ADD CONSTRAINT of_its_day CHECK (started_on IS NOT NULL AND started_on >= '${from}' AND started_on < '${to}')`,
  );
  const [row] = await tx.query<{ count: number }>(
    `WITH moved AS (INSERT INTO ${kept} SELECT * FROM ${name} WHERE session_id IN (SELECT session_id FROM staying) RETURNING 1)
     SELECT count(*) AS count FROM moved`,
  );
  return row?.count ?? 0;
}

async function replace(tx: Queryable, { table, name, from, to }: Partition, isKept: boolean): Promise<void> {
  if (!isKept) {
    await tx.query(`DROP TABLE IF EXISTS ${name}`);
    return;
  }
  await tx.query(`ALTER TABLE ${table} DETACH PARTITION ${name}`);
  await tx.query(`DROP TABLE ${name}`);
  await tx.query(`ALTER TABLE ${keptName(name)} RENAME TO ${name}`);
  await tx.query(`ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}')`);
  await tx.query(`ALTER TABLE ${name} DROP CONSTRAINT of_its_day`);
}

function keptName(name: string): string {
  return name.endsWith('"') ? `${name.slice(0, -1)}_kept"` : `${name}_kept`;
}

/** True where a session of these days has not ended. */
export async function isGoingOn(db: Queryable, from: string, to: string): Promise<boolean> {
  const [row] = await db.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM sessions WHERE status <> 'ended' AND started_on >= $1::date AND started_on < $2::date) AS found`,
    [from, to],
  );
  return row?.found ?? false;
}

/** The bounds of what holds a day: its partitions, or the day itself where there is none. */
export function boundsOf(partitions: readonly Partition[], day: string): { from: string; to: string } {
  const [first] = partitions;
  return first ? { from: first.from, to: first.to } : { from: day, to: dayAfter(day) };
}
