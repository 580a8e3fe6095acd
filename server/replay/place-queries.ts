/** Statements that find out when and in which tab something happened. All times are page time unless said otherwise. */

import type { Queryable } from "../db/db.ts";
import { groupOf, type SessionKey } from "./session-rows.ts";

/** What is stored of a session. */
export interface Extent {
  firstAt: number;
  lastAt: number;
  /** The shortest time between the last event of a batch, by the page's clock, and its arrival, by the server's. */
  leastDelayMs: number;
  /** Page contexts that have batches, the first one first. */
  tabs: readonly string[];
}

/** The extent of a session, or null where no batch of it is stored. */
export async function readExtent(db: Queryable, key: SessionKey): Promise<Extent | null> {
  const rows = await db.query<{ tab: string; first_at: number; last_at: number; delay: number }>(
    `SELECT tab, min(first_at) AS first_at, max(last_at) AS last_at,
       min((extract(epoch FROM received_at) * 1000)::float8 - last_at) AS delay
     FROM session_events WHERE session_id = $1 AND started_on = $2::date GROUP BY tab ORDER BY 2, 1`,
    [key.sessionId, key.startedOn],
  );
  if (rows.length === 0) return null;
  return {
    firstAt: Math.min(...rows.map((row) => row.first_at)),
    lastAt: Math.max(...rows.map((row) => row.last_at)),
    leastDelayMs: Math.min(...rows.map((row) => row.delay)),
    tabs: rows.map(({ tab }) => tab),
  };
}

/**
 * The page context in which something happened last before `at`, or null.
 * @param exceptGroup leaves out the page contexts of this browser tab
 */
export async function findActiveTab(
  db: Queryable,
  key: SessionKey,
  at: number,
  exceptGroup: string | null = null,
): Promise<string | null> {
  const rows = await db.query<{ tab: string; tab_group: string }>(
    `SELECT t.tab, t.tab_group FROM session_tabs t
     CROSS JOIN LATERAL (SELECT e.last_at FROM session_events e
       WHERE e.session_id = $1 AND e.started_on = $2::date AND e.tab = t.tab AND e.first_at <= $3 ORDER BY e.seq DESC LIMIT 1) AS b
     WHERE t.session_id = $1 ORDER BY least(b.last_at, $3) DESC, t.tab`,
    [key.sessionId, key.startedOn, at],
  );
  return rows.find((row) => groupOf(row.tab, row.tab_group) !== exceptGroup)?.tab ?? null;
}
