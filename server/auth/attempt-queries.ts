/** Statements of the buckets of attempts. */

import type { Queryable } from "../db/db.ts";

/** A bucket and its size. */
export interface TryBucket {
  hash: Uint8Array;
  burst: number;
  refillMs: number;
  now: number;
}

const REFILLED = `least($2::float8, a.tries_left + greatest(0, $4::float8 - extract(epoch FROM a.changed_at)::float8 * 1000) / $3::float8)`;

/** Takes one try; false where less than one is left, which changes nothing. */
export async function takeTry(db: Queryable, { hash, burst, refillMs, now }: TryBucket): Promise<boolean> {
  const rows = await db.query(
    `INSERT INTO attempts AS a (name_hash, tries_left, changed_at) VALUES ($1, $2::float8 - 1, to_timestamp($4::float8 / 1000))
     ON CONFLICT (name_hash) DO UPDATE SET tries_left = ${REFILLED} - 1, changed_at = excluded.changed_at
     WHERE ${REFILLED} >= 1 RETURNING 1 AS one`,
    [hash, burst, refillMs, now],
  );
  return rows.length > 0;
}

/** Tries in a bucket now, as a fraction. */
export async function readTries(db: Queryable, { hash, burst, refillMs, now }: TryBucket): Promise<number> {
  const rows = await db.query<{ left: number }>(`SELECT ${REFILLED} AS left FROM attempts a WHERE name_hash = $1`, [
    hash,
    burst,
    refillMs,
    now,
  ]);
  return rows[0]?.left ?? burst;
}

/** Puts one try back. */
export async function giveBackTry(db: Queryable, { hash, burst }: TryBucket): Promise<void> {
  await db.query("UPDATE attempts SET tries_left = least($2::float8, tries_left + 1) WHERE name_hash = $1", [hash, burst]);
}

/** Empties the memory of a bucket. */
export async function forgiveTries(db: Queryable, { hash }: TryBucket): Promise<void> {
  await db.query("DELETE FROM attempts WHERE name_hash = $1", [hash]);
}

/** Removes buckets that nobody took from since `before`, when they were full again long ago. */
export async function deleteOldTries(db: Queryable, before: number): Promise<void> {
  await db.query("DELETE FROM attempts WHERE changed_at < to_timestamp($1 / 1000.0)", [before]);
}
