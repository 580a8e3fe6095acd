/** Removes everything that is stored of a session. */

import type { Database } from "../db/db.ts";
import type { SessionKey } from "./session-rows.ts";

/** What was removed. */
export interface Erased {
  batches: number;
  markers: number;
  errors: number;
}

/** Erases one session from every table, or nothing where it fails. */
export async function eraseSession(db: Database, key: SessionKey): Promise<Erased> {
  const where = "session_id = $1 AND started_on = $2::date";
  const values = [key.sessionId, key.startedOn];
  return db.transaction(async (tx) => {
    const remove = async (table: "session_events" | "session_markers" | "session_errors") => {
      const rows = await tx.query<{ count: number }>(
        `WITH gone AS (DELETE FROM ${table} WHERE ${where} RETURNING 1) SELECT count(*) AS count FROM gone`,
        values,
      );
      return rows[0]?.count ?? 0;
    };
    const erased = {
      batches: await remove("session_events"),
      markers: await remove("session_markers"),
      errors: await remove("session_errors"),
    };
    await tx.query("DELETE FROM session_tabs WHERE session_id = $1", [key.sessionId]);
    await tx.query("DELETE FROM sessions WHERE session_id = $1 AND started_on = $2::date", values);
    return erased;
  });
}
