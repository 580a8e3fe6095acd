/** Looks for bytes in everything that a Watchback keeps: every row of every table in the catalogue, and every file below some folders. */

import { lstatSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type pg from "pg";
import { type ConnectionOptions, withClient } from "../../server/db/connection.ts";

/** Something to look for: text, or bytes as they are stored. */
export type Needle = string | Uint8Array;

/** Tables in whose rows (as text) one of the texts is found: the system's own too, and temporary ones. */
export async function scanTables(connection: ConnectionOptions, needles: readonly string[]): Promise<string[]> {
  return withClient(
    connection,
    async (client) => {
      const tables = await client.query<{ name: string; kind: string }>(
        "SELECT c.oid::regclass::text AS name, c.relkind AS kind FROM pg_class c WHERE c.relkind IN ('r', 'm', 't') ORDER BY 1",
      );
      const found: string[] = [];
      for (const { name, kind } of tables.rows) {
        // What is out of line has no row as text.
        const row = kind === "t" ? "t.chunk_data::text" : "t::text";
        const rows = await readAll(client, name, row, needles);
        for (const needle of rows) found.push(`${name}: ${needle}`);
      }
      return found;
    },
    { statementTimeoutMs: 0 },
  );
}

/** A table that is being written anew lives under another name for a moment: what was in it is in the one that takes its place. */
const UNDEFINED_TABLE = "42P01";

async function readAll(client: pg.ClientBase, name: string, row: string, needles: readonly string[]): Promise<string[]> {
  try {
    const { rows } = await client.query<{ needle: string }>(
      // Bytes are shown in hex: a text may be in them as well.
      `SELECT DISTINCT needle FROM ${name} AS t, unnest($1::text[]) AS needle
           WHERE position(needle IN ${row}) > 0 OR position(encode(convert_to(needle, 'UTF8'), 'hex') IN ${row}) > 0`,
      [needles],
    );
    return rows.map(({ needle }) => needle);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === UNDEFINED_TABLE) return [];
    throw error;
  }
}

/** Files below the folders in which one of the needles is found, and how many bytes were looked at. */
export function scanFiles(folders: readonly string[], needles: readonly Needle[]): { found: string[]; bytes: number } {
  for (let looks = 1; ; looks++) {
    try {
      return scanOnce(folders, needles);
    } catch (error) {
      // Postgres removes and renames files as it likes: what went away may be there by another name, so all is looked through anew.
      if (!isGone(error) || looks === MAX_LOOKS) throw error;
    }
  }
}

const MAX_LOOKS = 20;

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function scanOnce(folders: readonly string[], needles: readonly Needle[]): { found: string[]; bytes: number } {
  const found: string[] = [];
  let bytes = 0;
  for (const file of folders.flatMap(listFiles)) {
    const content = readFileSync(file);
    bytes += content.length;
    for (const needle of needles) {
      const at = content.indexOf(typeof needle === "string" ? needle : Buffer.from(needle));
      if (at >= 0) found.push(`${file} at ${at}: ${typeof needle === "string" ? needle : "bytes of a payload"}`);
    }
  }
  return { found, bytes };
}

function listFiles(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const file = path.join(folder, name);
    const about = lstatSync(file);
    if (about.isDirectory()) return listFiles(file);
    return about.isFile() ? [file] : [];
  });
}
