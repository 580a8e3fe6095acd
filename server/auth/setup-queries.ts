/** Statements of the set-up link and the first administrator. Times are epoch milliseconds by our clock. */

import type { Database, Queryable } from "../db/db.ts";
import { hasAdministrator, lockAdministrators } from "./user-queries.ts";

/**
 * Makes the first administrator, and claims the set-up link where one is given: all or nothing.
 * @param record called in the same transaction with his id
 * @returns his id; `has-administrator` where somebody was first, `no-link` where the link is unknown, used or expired
 */
export async function createFirstAdministrator(
  db: Database,
  email: string,
  passwordHash: string,
  link: { hash: Uint8Array; now: number } | null,
  record: (userId: number, tx: Queryable) => Promise<void>,
): Promise<number | "has-administrator" | "no-link"> {
  return db.transaction(async (tx) => {
    await lockAdministrators(tx);
    if (link && !(await isLinkOpen(tx, link.hash, link.now))) return "no-link";
    if (await hasAdministrator(tx)) return "has-administrator";
    if (link)
      await tx.query("UPDATE setup_links SET used_at = to_timestamp($2 / 1000.0) WHERE token_hash = $1", [link.hash, link.now]);
    const rows = await tx.query<{ id: number }>(
      `INSERT INTO users (email, password_hash, is_admin) VALUES ($1, $2, true)
       ON CONFLICT (lower(email)) DO UPDATE SET password_hash = excluded.password_hash, is_admin = true, disabled_at = NULL
       RETURNING id`,
      [email, passwordHash],
    );
    const id = rows[0]?.id;
    if (id === undefined) return "has-administrator";
    await tx.query("DELETE FROM sign_ins WHERE user_id = $1", [id]);
    await record(id, tx);
    return id;
  });
}

/** Keeps a new set-up link, and removes expired ones. */
export async function insertSetupLink(db: Queryable, hash: Uint8Array, now: number, expiresAt: number): Promise<void> {
  await db.query("DELETE FROM setup_links WHERE expires_at < to_timestamp($1 / 1000.0)", [now]);
  await db.query(
    "INSERT INTO setup_links (token_hash, created_at, expires_at) VALUES ($1, to_timestamp($2 / 1000.0), to_timestamp($3 / 1000.0))",
    [hash, now, expiresAt],
  );
}

/** True for a link that was neither used nor has expired. */
export async function isLinkOpen(db: Queryable, hash: Uint8Array, now: number): Promise<boolean> {
  const rows = await db.query(
    "SELECT 1 AS one FROM setup_links WHERE token_hash = $1 AND used_at IS NULL AND expires_at > to_timestamp($2 / 1000.0)",
    [hash, now],
  );
  return rows.length > 0;
}
