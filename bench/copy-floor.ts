/**
 * The floor under everything that stores: binary COPY of a file into the real table, by psql where this machine has it, else by
 * streaming the file over one connection. The rows are those that our own server or store has just written.
 */

import { spawnSync } from "node:child_process";
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import { toConnectionString, withClient, type ConnectionOptions } from "../server/db/connection.ts";
import { median } from "./load/samples.ts";

const COLUMNS =
  "session_id, tab, seq, started_on, received_at, first_at, last_at, event_count, checkout, encoding, raw_bytes, payload";
const HIGH_WATER = 256 * 1024;

export interface CopyFloor {
  how: "psql \\copy" | "stream";
  rows: number;
  /** One for each round. */
  rowsPerSec: number[];
  medianPerSec: number;
}

/** Rows in a file, ready to be copied in again and again. */
export interface CopyFile {
  rows: number;
  /** Empties the table, copies the rows in, and answers rows a second. */
  copyOnce(): Promise<number>;
  how: CopyFloor["how"];
  remove(): void;
}

/** Measures the floor with the rows that are in the table now (at most `maxRows`), which it empties. */
export async function measureCopyFloor(connection: ConnectionOptions, maxRows: number, rounds: number): Promise<CopyFloor> {
  const file = await exportRows(connection, maxRows);
  try {
    const rowsPerSec: number[] = [];
    await file.copyOnce();
    for (let i = 0; i < rounds; i++) rowsPerSec.push(await file.copyOnce());
    return { how: file.how, rows: file.rows, rowsPerSec, medianPerSec: median(rowsPerSec) };
  } finally {
    file.remove();
  }
}

/** Writes the rows of `session_events` into a file, as binary COPY has them. */
export async function exportRows(connection: ConnectionOptions, maxRows: number): Promise<CopyFile> {
  const folder = mkdtempSync(path.join(tmpdir(), "wb-floor-"));
  const file = path.join(folder, "rows.copy");
  const rows = await withClient(connection, async (client) => {
    const source = client.query(
      copyTo(`COPY (SELECT ${COLUMNS} FROM session_events LIMIT ${maxRows}) TO STDOUT (FORMAT binary)`),
    );
    await pipeline(source, createWriteStream(file));
    return source.rowCount;
  });
  const hasPsql = spawnSync("psql", ["--version"]).status === 0;
  return {
    rows,
    how: hasPsql ? "psql \\copy" : "stream",
    async copyOnce() {
      await emptyTable(connection);
      return (rows * 1000) / (hasPsql ? copyWithPsql(connection, file) : await copyWithStream(connection, file));
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Empties `session_events` and lets the server write out what it still has to, so that every round begins alike. */
export async function emptyTable(connection: ConnectionOptions): Promise<void> {
  await withClient(connection, async (client) => {
    await client.query("TRUNCATE session_events");
    await client.query("CHECKPOINT");
  });
}

function copyWithPsql(connection: ConnectionOptions, file: string): number {
  const script = `\\timing on\n\\copy session_events (${COLUMNS}) from '${file}' with (format binary)\n`;
  const run = spawnSync("psql", ["-X", "-v", "ON_ERROR_STOP=1", toConnectionString(connection)], { input: script });
  const ms = /Time: ([\d.]+) ms/.exec(run.stdout.toString())?.[1];
  if (run.status !== 0 || ms === undefined) throw new Error(`psql failed: ${run.stderr.toString()}`);
  return Number(ms);
}

function copyWithStream(connection: ConnectionOptions, file: string): Promise<number> {
  return withClient(connection, async (client) => {
    const startAt = performance.now();
    const target = client.query(
      copyFrom(`COPY session_events (${COLUMNS}) FROM STDIN (FORMAT binary)`, { highWaterMark: HIGH_WATER }),
    );
    await pipeline(createReadStream(file, { highWaterMark: HIGH_WATER }), target);
    return performance.now() - startAt;
  });
}
