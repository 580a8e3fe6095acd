/**
 * The door of the store: the write side of sessions and batches.
 *
 * Promise: `onDurable` is called for a batch only after the transaction that holds it and its markers has committed with
 * `synchronous_commit = on`; batches of one tab become durable in the order in which they were appended; a batch that is appended
 * twice is stored once.
 */

import type { Marker } from "../../protocol/markers.ts";
import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import type { Encoding } from "../../protocol/batch.ts";

/** One batch on its way into `session_events`. */
export interface BatchRow {
  sessionId: string;
  tab: string;
  seq: number;
  projectId: number;
  /** The session's start day, `YYYY-MM-DD`. */
  startedOn: string;
  /** Server clock, epoch milliseconds. */
  receivedAt: number;
  firstAt: number;
  lastAt: number;
  count: number;
  checkout: boolean;
  encoding: Encoding;
  rawBytes: number;
  payload: Uint8Array;
  markers: readonly Marker[];
  /** Address of the page when the batch came; kept with the errors in it. */
  url: string;
}

/** What is known of a tab when it opens. */
export interface TabOpening {
  tab: string;
  tabGroup: string;
  url: string;
  title: string;
  viewport: TabSummary["viewport"];
  startedAt: number;
}

/** The facts of a session that a page claims, as they are stored. */
export type SessionFacts = Pick<
  SessionSummary,
  | "userId"
  | "traits"
  | "url"
  | "title"
  | "userAgent"
  | "viewport"
  | "referrer"
  | "timeZone"
  | "language"
  | "release"
  | "environment"
  | "startedAt"
>;

export interface SessionOpening {
  sessionId: string;
  projectId: number;
  /** HMAC of session id and resume token. */
  resumeHash: Uint8Array;
  facts: SessionFacts;
  tab: TabOpening;
}

/**
 * - `created`: the id was free
 * - `resumed`: it belongs to the same project and token; `upto` is the newest stored seq of the tab, or -1
 * - `foreign`: somebody else owns it
 * - `closed`: it is over and takes nothing more
 */
export type SessionOpened =
  | { kind: "created"; session: SessionSummary; tabs: TabSummary[]; startedOn: string; upto: -1 }
  | { kind: "resumed"; session: SessionSummary; tabs: TabSummary[]; startedOn: string; upto: number }
  | { kind: "foreign" }
  | { kind: "closed" };

/** Facts and counts of a session, written behind (every second or so, and when they matter). */
export interface SessionProgress {
  session: SessionSummary;
  tabs: readonly TabSummary[];
}

/** `ok`; `slow`: the last commit took over 2 s or the buffer is more than half full; `down`: no statement gets through. */
export type StoreState = "ok" | "slow" | "down";

export interface StoreStatus {
  state: StoreState;
  pendingBatches: number;
  pendingBytes: number;
  maxPendingBytes: number;
  lastCommitMs: number;
  committedBatches: number;
  committedBytes: number;
  /** Commits that went through the conflict path (SQLSTATE 23505). */
  conflicts: number;
}

/** What the store tells the room above it; `server/app.ts` ties the knot. */
export interface StoreEvents {
  /** These are durable now. Called once per commit, in commit order. */
  onDurable(batches: readonly BatchRow[]): void;
  onStateChange(state: StoreState): void;
}

export interface Store {
  /**
   * Claims a session id for a project and token and opens one of its tabs. Calls of the same moment share one statement.
   * @throws AppError `store` while Postgres is away
   */
  openSession(opening: SessionOpening): Promise<SessionOpened>;
  /** Takes a batch; false where the buffer is full, and then nothing was taken. */
  append(batch: BatchRow): boolean;
  saveProgress(progress: readonly SessionProgress[]): Promise<void>;
  /** Ends sessions, with exact counts from their rows. */
  endSessions(ends: readonly { sessionId: string; endedAt: number; reason: "ended" | "idle" }[]): Promise<void>;
  /** Ends what a dead process left open: sessions not heard of since `idleSince` (epoch ms). Returns their ids. */
  endAbandoned(idleSince: number): Promise<string[]>;
  status(): StoreStatus;
  start(): Promise<void>;
  /** Writes what is held (for at most `timeoutMs`), then stops. Returns how many batches it had to give up. */
  drain(timeoutMs: number): Promise<number>;
}
