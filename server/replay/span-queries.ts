/** What a plan is made from: each page context's extent, and its checkout before a page time. */

import type { Queryable } from "../db/db.ts";
import type { TabSpan } from "./range-plan.ts";
import { groupOf, type SessionKey } from "./session-rows.ts";

interface SpanRow {
  tab: string;
  tab_group: string;
  first_seq: number;
  first_at: number;
  last_at: number;
  checkout_seq: number | null;
  checkout_at: number | null;
}

/**
 * The page contexts of a session that have batches, by a few index look-ups each.
 * @param at page time for which checkouts are looked up
 * @param tab only this one
 */
export async function listSpans(db: Queryable, key: SessionKey, at: number, tab: string | null = null): Promise<TabSpan[]> {
  const rows = await db.query<SpanRow>(
    `SELECT t.tab, t.tab_group, f.seq AS first_seq, f.first_at, l.last_at, c.seq AS checkout_seq, c.first_at AS checkout_at
     FROM session_tabs t
     CROSS JOIN LATERAL (SELECT e.seq, e.first_at FROM session_events e
       WHERE e.session_id = $1 AND e.started_on = $2::date AND e.tab = t.tab ORDER BY e.seq LIMIT 1) AS f
     CROSS JOIN LATERAL (SELECT e.last_at FROM session_events e
       WHERE e.session_id = $1 AND e.started_on = $2::date AND e.tab = t.tab ORDER BY e.seq DESC LIMIT 1) AS l
     LEFT JOIN LATERAL (SELECT e.seq, e.first_at FROM session_events e
       WHERE e.session_id = $1 AND e.started_on = $2::date AND e.tab = t.tab AND e.checkout AND e.first_at <= $3
       ORDER BY e.first_at DESC, e.seq DESC LIMIT 1) AS c ON true
     WHERE t.session_id = $1 AND ($4::text IS NULL OR t.tab = $4)
     ORDER BY f.first_at, t.tab`,
    [key.sessionId, key.startedOn, at, tab],
  );
  return rows.map((row) => ({
    tab: row.tab,
    tabGroup: groupOf(row.tab, row.tab_group),
    firstAt: row.first_at,
    lastAt: row.last_at,
    firstSeq: row.first_seq,
    checkout: row.checkout_seq === null || row.checkout_at === null ? null : { seq: row.checkout_seq, at: row.checkout_at },
  }));
}
