/**
 * The door of the store: the write side of sessions and batches.
 *
 * Promise: `onDurable` is called for a batch only after the transaction that holds it and its markers has committed with
 * `synchronous_commit = on`; batches of one tab become durable in the order in which they were appended; a batch that is appended
 * twice is stored once.
 */

import type { Encoding } from "../../protocol/batch.ts";
import type { Marker } from "../../protocol/markers.ts";
import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import { AppError } from "../app-error.ts";
import type { Clock } from "../clock.ts";
import type { ConnectionOptions } from "../db/connection.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import { Partitions } from "./partitions.ts";
import { SessionOpener } from "./session-opener.ts";
import { MAX_SESSIONS_PER_STATEMENT, closeSessions, findAbandoned, updateSessions, findOwner } from "./session-statements.ts";
import { Writer } from "./writer.ts";

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
> & { country?: string; region?: string };

/** A page that comes with a session id, its proof, and the tab it opens. */
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
 * - `erased`: it was erased, and nothing brings it back
 */
export type SessionOpened =
  | { kind: "created"; session: SessionSummary; tabs: TabSummary[]; startedOn: string; upto: -1 }
  | { kind: "resumed"; session: SessionSummary; tabs: TabSummary[]; startedOn: string; upto: number }
  | { kind: "foreign" }
  | { kind: "closed" }
  | { kind: "erased" };

/** Facts and counts of a session, written behind (every second or so, and when they matter). */
export interface SessionProgress {
  session: SessionSummary;
  tabs: readonly TabSummary[];
  /** People whom it showed before the present one. */
  formerUserIds?: readonly string[];
}

/** `ok`; `slow`: the last commit took over 2 s or the buffer is more than half full; `down`: no statement gets through. */
export type StoreState = "ok" | "slow" | "down";

/** For `/health` and the metrics. */
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
  /** Batches that Postgres will never take, whole or only their markers. */
  refusedBatches: number;
}

/** How a session ends. */
export interface SessionEnd {
  sessionId: string;
  endedAt: number;
  reason: "ended" | "idle";
}

/** What the store tells the room above it; `server/app.ts` ties the knot. */
export interface StoreEvents {
  /** These are durable now. Called once per commit, in commit order. */
  onDurable(batches: readonly BatchRow[]): void;
  /**
   * Postgres refuses this batch for ever (e.g. a value out of range), so that it was put aside: it will not become durable, and the
   * tab's later batches go on without it.
   */
  onRefused(batch: BatchRow, reason: string): void;
  onStateChange(state: StoreState): void;
}

export interface Store {
  /**
   * Claims a session id for a project and token and opens one of its tabs. Calls of the same moment share one statement.
   * @throws AppError `store` while Postgres is away
   */
  openSession(opening: SessionOpening): Promise<SessionOpened>;
  /**
   * The project that a session belongs to, or belonged to before it was erased; null for an id that nobody had.
   * @throws AppError `store` while Postgres is away
   */
  ownerOf(sessionId: string): Promise<number | null>;
  /** Takes a batch; false where the buffer is full, and then nothing was taken. */
  append(batch: BatchRow): boolean;
  /**
   * These sessions are erased: throws away what waits of them, and resolves when nothing of them is on its way to Postgres any more.
   * The caller sees to it that nothing more of them is appended.
   * @throws AppError `store` while Postgres is away
   */
  forget(sessionIds: ReadonlySet<string>): Promise<void>;
  saveProgress(progress: readonly SessionProgress[]): Promise<void>;
  /** Ends sessions, with exact counts from their rows: what was appended before this call is in them. */
  endSessions(ends: readonly SessionEnd[]): Promise<void>;
  /** Ends what a dead process left open: sessions not heard of since `idleSince` (epoch ms). Returns their ids. */
  endAbandoned(idleSince: number): Promise<string[]>;
  status(): StoreStatus;
  start(): Promise<void>;
  /** Writes what is held (for at most `timeoutMs`), then stops. Returns how many batches it had to give up. */
  drain(timeoutMs: number): Promise<number>;
}

/** What `createStore` is given. */
export interface StoreDeps extends Partial<StoreOptions> {
  db: Database;
  /** The same server and database, for the store's own connections. */
  connection: ConnectionOptions;
  clock: Clock;
  log: Logger;
  events: StoreEvents;
}

export interface StoreOptions {
  /** Batches held in memory for Postgres; past it `append` says no. */
  maxPendingBytes: number;
  /** Bounds of one transaction (`BATCH_SIZE` is the first). */
  maxBatchesPerCommit: number;
  maxBytesPerCommit: number;
  /** How long to gather before a transaction (`BATCH_INTERVAL`); 0: what waits when the last one is done goes into the next. */
  gatherMs: number;
  /** Connections that write side by side; sessions are spread over them. */
  lanes: number;
}

const DEFAULTS: StoreOptions = {
  maxPendingBytes: 64 * 1024 * 1024,
  maxBatchesPerCommit: 2_000,
  maxBytesPerCommit: 4 * 1024 * 1024,
  gatherMs: 0,
  lanes: 2,
};

/** Builds the room. Nothing is connected before `start`. */
export function createStore(deps: StoreDeps): Store {
  const options: StoreOptions = {
    maxPendingBytes: deps.maxPendingBytes ?? DEFAULTS.maxPendingBytes,
    maxBatchesPerCommit: deps.maxBatchesPerCommit ?? DEFAULTS.maxBatchesPerCommit,
    maxBytesPerCommit: deps.maxBytesPerCommit ?? DEFAULTS.maxBytesPerCommit,
    gatherMs: deps.gatherMs ?? DEFAULTS.gatherMs,
    lanes: deps.lanes ?? DEFAULTS.lanes,
  };
  const partitions = new Partitions({ transaction: (work) => deps.db.transaction(work), clock: deps.clock, log: deps.log });
  const opener = new SessionOpener(deps.db, deps.clock);
  const writer = new Writer(deps, options, partitions);
  let draining: Promise<number> | null = null;

  return {
    openSession: (opening) => opener.open(opening),
    ownerOf: (sessionId) => orStoreError(() => findOwner(deps.db, sessionId)),
    append: (batch) => writer.append(batch),
    forget: (sessionIds) => writer.forget(sessionIds),
    saveProgress: (progress) => inGroups(progress, (group) => updateSessions(deps.db, group)),
    async endSessions(ends) {
      await writer.settled();
      await inGroups(ends, (group) => closeSessions(deps.db, group));
    },
    async endAbandoned(idleSince) {
      const ended: string[] = [];
      for (;;) {
        const ends = await orStoreError(() => findAbandoned(deps.db, idleSince));
        if (ends.length === 0) return ended;
        await orStoreError(() => closeSessions(deps.db, ends));
        for (const { sessionId } of ends) ended.push(sessionId);
      }
    },
    status: () => writer.status(),
    async start() {
      await orStoreError(() => partitions.start());
      await orStoreError(() => writer.start());
    },
    drain(timeoutMs) {
      partitions.stop();
      return (draining ??= writer.drain(timeoutMs));
    },
  };
}

async function inGroups<T>(items: readonly T[], work: (group: readonly T[]) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += MAX_SESSIONS_PER_STATEMENT) {
    const group = items.slice(at, at + MAX_SESSIONS_PER_STATEMENT);
    await orStoreError(() => work(group));
  }
}

/** @throws AppError `store` with what went wrong as its cause */
async function orStoreError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new AppError("store", "the database does not answer", { cause: error, retryAfterMs: 2_000 });
  }
}
