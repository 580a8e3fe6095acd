/** Removes everything that is stored of a session, and what was still on its way to the database. */

import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import type { SessionKey } from "./session-rows.ts";

/** What the store held when a session was erased is written by then. */
const SECOND_TIME_MS = 5_000;

/** What was removed. */
export interface Erased {
  batches: number;
  markers: number;
  errors: number;
}

/** Erases sessions twice: at once, and what came late some seconds after. */
export interface Eraser {
  erase(key: SessionKey): Promise<Erased>;
  /** Does now what was left for later. Called when the store has written what it held. */
  stop(): Promise<void>;
}

/** Builds an eraser. */
export function createEraser({ db, clock, log }: { db: Database; clock: Clock; log: Logger }): Eraser {
  const left = new Map<string, { key: SessionKey; cancel: () => void }>();

  async function eraseAgain(key: SessionKey): Promise<void> {
    left.delete(key.sessionId);
    try {
      await eraseSession(db, key);
    } catch (error) {
      log.error("late batches of an erased session may remain", { error: String(error), sessionId: key.sessionId });
    }
  }

  return {
    async erase(key) {
      const erased = await eraseSession(db, key);
      left.get(key.sessionId)?.cancel();
      left.set(key.sessionId, { key, cancel: clock.after(SECOND_TIME_MS, () => void eraseAgain(key)) });
      return erased;
    },
    async stop() {
      for (const { key, cancel } of [...left.values()]) {
        cancel();
        await eraseAgain(key);
      }
    },
  };
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
