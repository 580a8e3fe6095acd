/** One transaction of COPYs on one connection, through pg-copy-streams. */

import { once } from "node:events";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";

/** A piece handed to the stream at once: Postgres works on one while the next is on its way. */
const PIECE_BYTES = 64 * 1024;

/** A COPY of the transaction: its statement, and its bytes as {@link CopyEncoder} writes them, made when they are needed. */
export interface CopyStep {
  sql: string;
  encode(): Buffer;
}

/** Something to do around the COPYs, e.g. `CREATE TEMPORARY TABLE`. */
export interface CopyScript {
  before: string;
  copies: readonly CopyStep[];
  after: string;
}

/**
 * Runs the script in one transaction and resolves after its COMMIT.
 * @throws what Postgres said, with its SQLSTATE as `code`; the caller must roll back, or drop the connection
 */
export async function commitCopies(client: pg.ClientBase, script: CopyScript): Promise<void> {
  const [only] = script.copies;
  if (only !== undefined && script.copies.length === 1 && script.before === "" && script.after === "") {
    // A statement by itself is a transaction by itself, which ends with its commit: two round trips instead of four.
    await copy(client, only);
    return;
  }
  await client.query(`BEGIN; ${script.before}`);
  for (const step of script.copies) await copy(client, step);
  await client.query(`${script.after}; COMMIT`);
}

/** Resolves when Postgres has taken all of it and is ready for the next statement. */
async function copy(client: pg.ClientBase, step: CopyStep): Promise<void> {
  const bytes = step.encode();
  const stream = client.query(copyFrom(step.sql));
  // A connection that is lost after a refused COPY tells the stream twice.
  stream.on("error", () => undefined);
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) stream.write(bytes.subarray(at, at + PIECE_BYTES));
  stream.end();
  await once(stream, "finish");
}
