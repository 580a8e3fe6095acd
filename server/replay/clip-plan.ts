/** Which stretches of which page contexts make a clip. */

import type { Queryable } from "../db/db.ts";
import { findActiveTab } from "./place-queries.ts";
import { planClip, type Stretch, type TabSpan } from "./range-plan.ts";
import type { SessionKey } from "./session-rows.ts";
import { listSpans } from "./span-queries.ts";

/** Something that happened, and how much around it is wanted; times are page time. */
export interface Moment {
  tab: string;
  at: number;
  from: number;
  to: number;
}

/** Browser tabs that one clip goes back through. */
const MAX_OPENERS = 8;

/**
 * Plans a clip: the browser tab of the moment, from the last checkout at or before `from`. Where it was opened later than that, what the
 * visitor had before him until then comes first: the tab that was used last. A page that had drawn nothing yet is waited for.
 */
export async function planMoment(db: Queryable, session: SessionKey, moment: Moment): Promise<Stretch[]> {
  const spans = await listSpans(db, session, moment.from);
  const own = spans.find((span) => span.tab === moment.tab);
  if (!own) return [];
  const plan = planClip(spans, own.tab, moment.at, Math.max(moment.to, own.firstAt));
  for (let round = 0; round < MAX_OPENERS; round++) {
    const begin = beginningOf(spans, plan);
    if (begin === null || begin.at <= moment.from) break;
    const opener = await findActiveTab(db, session, begin.at, begin.group);
    const earlier = opener === null ? [] : planClip(spans, opener, begin.at, begin.at);
    const before = earlier.filter((stretch) => stretch.firstAt < begin.at);
    if (before.length === 0) break;
    plan.unshift(...before.map((stretch) => ({ ...stretch, beforeAt: Math.min(stretch.beforeAt, begin.at) })));
  }
  return plan;
}

/** Where a plan begins, if that is the beginning of its browser tab; null where it is a checkout before the window. */
function beginningOf(spans: readonly TabSpan[], plan: readonly Stretch[]): { at: number; group: string } | null {
  const [first] = plan;
  const span = spans.find(({ tab }) => tab === first?.tab);
  return span && !span.checkout ? { at: span.firstAt, group: span.tabGroup } : null;
}

/** True where a checkout lies in the plan, up to `to`. */
export async function isPlayable(db: Queryable, session: SessionKey, plan: readonly Stretch[], to: number): Promise<boolean> {
  if (plan.length === 0) return false;
  const [row] = await db.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM unnest($3::text[], $4::integer[], $5::float8[]) AS p (tab, seq, until)
       JOIN session_events e ON e.session_id = $1 AND e.started_on = $2::date AND e.tab = p.tab AND e.seq >= p.seq
       WHERE e.checkout AND e.first_at <= p.until) AS found`,
    [
      session.sessionId,
      session.startedOn,
      plan.map(({ tab }) => tab),
      plan.map(({ fromSeq }) => fromSeq),
      plan.map(({ beforeAt }) => Math.min(beforeAt, to)),
    ],
  );
  return row?.found ?? false;
}
