/** Secrets that an installation makes once and keeps. */

import type { Queryable } from "../db/db.ts";
import { createSecret } from "./cookies.ts";

/**
 * The secret of that name: what the configuration gives, or else the one in the `settings` table, made at first use. Processes that
 * start together agree on one.
 */
export async function ensureSecret(db: Queryable, name: string, given: string): Promise<string> {
  if (given !== "") return given;
  await db.query("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", [name, createSecret()]);
  const rows = await db.query<{ value: string }>("SELECT value FROM settings WHERE name = $1", [name]);
  const value = rows[0]?.value;
  if (value === undefined) throw new Error(`the secret ${name} was stored, but is not there`);
  return value;
}
