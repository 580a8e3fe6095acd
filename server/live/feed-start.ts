/** Where a feed begins in a tab, and whether that is too long ago. */

import type { TabSummary } from "../../protocol/session.ts";
import type { LiveSession } from "./live-session.ts";
import type { History } from "./live.ts";
import type { TabTail } from "./tail.ts";

/** A backlog since the newest checkout that is larger than this, or spans more time, is worth a new checkout. */
const MAX_BACKLOG_BYTES = 2 * 1024 * 1024;
const MAX_BACKLOG_MS = 60_000;

/** How a viewer wants to begin; see `viewer_join_session`. */
export interface StartOptions {
  from?: number | undefined;
  /** Newest seq that the viewer holds, by tab. */
  cursor?: Readonly<Record<string, number>> | undefined;
}

/**
 * The seq with which a feed begins in a tab.
 *
 * - after the cursor, where the viewer has one for this tab
 * - at the newest checkout at or before `from`, in tabs that overlap what comes after it
 * - at the newest checkout of a tab that is open; in a session that is over, at the beginning of every tab
 *
 * A tab without such a checkout is sent from its first batch; one that is not wanted, from what it may still send.
 * @throws where the database has to be asked and does not answer
 */
export async function findStart(
  session: LiveSession,
  tab: TabSummary,
  tail: TabTail,
  options: StartOptions,
  history: History,
): Promise<number> {
  const held = options.cursor && Object.hasOwn(options.cursor, tab.tab) ? options.cursor[tab.tab] : undefined;
  if (held !== undefined) return held + 1;
  const { from } = options;
  if (from === undefined) {
    if (session.end !== null) return 0;
    if (!isShown(session, tab)) return tail.newest + 1;
    if (tail.newestCheckout >= 0) return tail.newestCheckout;
  } else {
    if (tab.endedAt !== null && tab.lastAt < from) return tail.newest + 1;
    const inTail = tail.checkoutBefore(from);
    if (inTail >= 0) return inTail;
  }
  if (tail.first === 0) return 0;
  const stored = (await history.findCheckout(session.key, tab.tab, from)) ?? 0;
  return from === undefined ? Math.max(stored, tail.newestCheckout) : stored;
}

/** True where the tracker should make a checkout for the next viewer who begins here. */
export function isCheckoutDue(tail: TabTail): boolean {
  if (tail.newestCheckout < 0) return true;
  return tail.bytesSinceCheckout > MAX_BACKLOG_BYTES || tail.receivedAt - tail.checkoutReceivedAt > MAX_BACKLOG_MS;
}

/** Open tabs are shown; where none is, the one that was open last. */
function isShown(session: LiveSession, tab: TabSummary): boolean {
  if (tab.endedAt === null) return true;
  let last = tab;
  for (const other of session.tabs) {
    if (other.endedAt === null) return false;
    if (other.lastAt > last.lastAt) last = other;
  }
  return last === tab;
}
