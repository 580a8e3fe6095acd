/** The sessions that this process owns, in memory: plain records that the files of this room work on. */

import type { PackedBatch } from "../../protocol/batch.ts";
import type { RrwebEvent } from "../../protocol/rrweb-event.ts";
import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import type { ToTrackerMessage } from "../../protocol/tracker-messages.ts";
import type { Project } from "../projects/projects.ts";
import type { Pace } from "./pace.ts";
import { SeqOrder } from "./seq-order.ts";

/**
 * Where a session stands.
 *
 * connected (a tab has a way to us) -> unconnected (since then none has) -> connected again, or ending
 * connected, unconnected -> ending (takes nothing more; waits until all of it is durable) -> over
 */
export type SessionState =
  | { kind: "connected" }
  | { kind: "unconnected"; since: number }
  | { kind: "ending"; reason: "ended" | "idle" }
  | { kind: "over" };

/** Who answers for a tab now: its tracker's way to us. */
export interface TabHolder {
  send(message: ToTrackerMessage): void;
  /** Something of one of its tabs became durable, or was given up. */
  progressed(): void;
  /** The session of this tab was erased: nothing more is taken for it. */
  erased(tab: OpenTab): void;
  /** The project of its key, as it is now. */
  readonly project: Project;
  /** One HTTP request, over in a moment: nothing can be said to the page by it that was not asked for. */
  readonly isBrief: boolean;
}

/** A session that this process owns: it takes its batches, and knows more of it than the database. */
export interface OpenSession {
  /** Shared with the live edge, which sees every change. */
  readonly summary: SessionSummary;
  /** Every tab that the session ever had. */
  readonly tabSummaries: TabSummary[];
  /** The tabs that may still send. */
  tabs: readonly OpenTab[];
  readonly startedOn: string;
  /** Whom it showed before its present user and the database does not know yet. */
  formerUserIds: readonly string[];
  /** HMAC of session id and resume token, one character for each byte. */
  readonly resumeHash: string;
  state: SessionState;
  /** Server time of the newest batch or start. */
  heardAt: number;
  /** Something of it is not written to the database yet. */
  isDirty: boolean;
  /** Most events that it may hold: what the installation or, where that is less, its project says. */
  maxEvents: number;
  /** How fast its project may send; null where it has no such limit. */
  pace: Pace | null;
}

/** One of its tabs: where its order stands, who sends it, and what of it is durable. */
export interface OpenTab {
  readonly session: OpenSession;
  readonly summary: TabSummary;
  readonly order: SeqOrder<PackedBatch>;
  /** The newest way to us, which gets what we say. Batches are taken from the older ones as well. */
  holder: TabHolder | null;
  /** Older ways that are not closed (half open, or a page that speaks by socket and HTTP at once), the newest last. */
  formerHolders: TabHolder[] | null;
  /** Number of the `session_start` that it was opened by; the highest wins. */
  startNumber: number;
  /** Server time since which nobody holds it. */
  leftAt: number;
  /** Newest seq that is durable, or -1. */
  committed: number;
  /** Batches handed to the store and not durable yet. */
  pending: number;
  isAckDue: boolean;
  isRepeatDue: boolean;
  /** Newest seq that the live edge has seen. */
  forwarded: number;
  /** Server time when the store had no room for the next batch, until it is taken; 0 otherwise. What follows it is dropped. */
  refusedAt: number;
  /** Its tracker answers every `resend`: its holes are asked for again, and never given up. */
  answersResend: boolean;
  /** Server time of the newest `checkout_request`. */
  checkoutAskedAt: number;
  isCheckoutWanted: boolean;
  /** Plain dialect: a Meta that waits for its full snapshot. */
  heldMeta: RrwebEvent | null;
}

const NOBODY: readonly string[] = [];
const CONNECTED: SessionState = { kind: "connected" };

/** A session without tabs, taken over at `now` (server time). */
export function createOpenSession(
  summary: SessionSummary,
  tabSummaries: TabSummary[],
  startedOn: string,
  resumeHash: string,
  now: number,
): OpenSession {
  return {
    summary,
    tabSummaries,
    tabs: [],
    startedOn,
    formerUserIds: NOBODY,
    resumeHash,
    state: CONNECTED,
    heardAt: now,
    isDirty: false,
    maxEvents: Infinity,
    pace: null,
  };
}

/** Adds a tab of which `upto` is the newest seq stored. */
export function addTab(session: OpenSession, summary: TabSummary, upto: number): OpenTab {
  summary.upto = upto;
  const index = session.tabSummaries.findIndex((other) => other.tab === summary.tab);
  if (index < 0) session.tabSummaries.push(summary);
  else session.tabSummaries[index] = summary;
  session.summary.tabCount = session.tabSummaries.length;
  const tab: OpenTab = {
    session,
    summary,
    order: new SeqOrder<PackedBatch>(upto + 1),
    holder: null,
    formerHolders: null,
    startNumber: 0,
    leftAt: 0,
    committed: upto,
    pending: 0,
    isAckDue: false,
    isRepeatDue: false,
    forwarded: upto,
    refusedAt: 0,
    answersResend: false,
    checkoutAskedAt: 0,
    isCheckoutWanted: false,
    heldMeta: null,
  };
  // An array that was pushed to keeps room for 17.
  session.tabs = session.tabs.concat(tab);
  return tab;
}

/** The tab of that id, if it may still send. */
export function findTab(session: OpenSession, tab: string): OpenTab | undefined {
  for (const open of session.tabs) if (open.summary.tab === tab) return open;
  return undefined;
}

/** True while the session takes batches. */
export function isTaking(session: OpenSession): boolean {
  return session.state.kind === "connected" || session.state.kind === "unconnected";
}

/** True where every batch that was taken in is durable. */
export function isDurable(session: OpenSession): boolean {
  for (const tab of session.tabs) if (tab.pending > 0) return false;
  return true;
}

/** Brings the state in line with who holds the tabs. Returns true where the session has become connected. */
export function updateConnected(session: OpenSession, now: number): boolean {
  if (!isTaking(session)) return false;
  const isHeld = session.tabs.some((tab) => tab.holder !== null && tab.summary.endedAt === null);
  if (!isHeld) {
    if (session.state.kind === "connected") session.state = { kind: "unconnected", since: now };
    return false;
  }
  session.state = CONNECTED;
  if (session.summary.live) return false;
  session.summary.status = "live";
  session.summary.live = true;
  return true;
}

/** The way `holder` to us has this tab from its `session_start` number `startNumber` on; the newest start wins. */
export function holdTab(tab: OpenTab, holder: TabHolder, startNumber: number): void {
  if (tab.holder === holder) return;
  letGoOfTab(tab, holder);
  if (tab.holder === null) tab.holder = holder;
  else {
    tab.formerHolders ??= [];
    if (startNumber < tab.startNumber) tab.formerHolders.unshift(holder);
    else {
      tab.formerHolders.push(tab.holder);
      tab.holder = holder;
    }
  }
  tab.startNumber = Math.max(tab.startNumber, startNumber);
}

/** The way `holder` is closed: an older one that is still there takes its place. */
export function letGoOfTab(tab: OpenTab, holder: TabHolder): void {
  if (tab.holder === holder) tab.holder = tab.formerHolders?.pop() ?? null;
  else if (tab.formerHolders) tab.formerHolders = tab.formerHolders.filter((other) => other !== holder);
  if (tab.formerHolders?.length === 0) tab.formerHolders = null;
}
