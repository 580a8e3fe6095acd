/** A store over a test's database, and what it told. */

import type { ConnectionOptions } from "../../server/db/connection.ts";
import type { Database } from "../../server/db/db.ts";
import { systemClock } from "../../server/clock.ts";
import {
  type BatchRow,
  type SessionOpening,
  type Store,
  type StoreDeps,
  type StoreState,
  createStore,
} from "../../server/store/store.ts";
import { quietLog } from "./postgres.ts";

export const DAY = "2026-11-20";
export const T0 = Date.parse("2026-11-20T10:00:00Z");

/** The store and everything it said. */
export interface WatchedStore {
  store: Store;
  durable: BatchRow[];
  /** Sizes of the commits, in order. */
  commits: number[];
  refused: { batch: BatchRow; reason: string }[];
  states: StoreState[];
}

/** Builds and starts a store. */
export async function startStore(
  db: Database,
  connection: ConnectionOptions,
  options: Partial<StoreDeps> = {},
): Promise<WatchedStore> {
  const durable: BatchRow[] = [];
  const commits: number[] = [];
  const refused: WatchedStore["refused"] = [];
  const states: StoreState[] = [];
  const store = createStore({
    db,
    connection,
    clock: systemClock,
    log: quietLog,
    events: {
      onDurable: (batches) => {
        durable.push(...batches);
        commits.push(batches.length);
      },
      onRefused: (batch, reason) => {
        refused.push({ batch, reason });
      },
      onStateChange: (state) => {
        states.push(state);
      },
    },
    ...options,
  });
  await store.start();
  return { store, durable, commits, refused, states };
}

/** A batch of a session of {@link DAY}; what is left out is made up. */
export function batchRow(over: Partial<BatchRow> = {}): BatchRow {
  const seq = over.seq ?? 0;
  return {
    sessionId: "session-1",
    tab: "tab-1",
    seq,
    projectId: 1,
    startedOn: DAY,
    receivedAt: T0 + seq,
    firstAt: T0 + 1_000 * seq,
    lastAt: T0 + 1_000 * seq + 900,
    count: 3,
    checkout: seq === 0,
    encoding: "json",
    rawBytes: 100,
    payload: Buffer.from(`payload ${seq}`),
    markers: [],
    url: "https://shop.example/",
    ...over,
  };
}

/** A page that opens a tab; what is left out is made up. */
export function openingOf(
  sessionId: string,
  tab: string,
  over: { token?: number; projectId?: number; startedAt?: number } = {},
): SessionOpening {
  const startedAt = over.startedAt ?? T0;
  const url = "https://shop.example/";
  return {
    sessionId,
    projectId: over.projectId ?? 1,
    resumeHash: new Uint8Array(32).fill(over.token ?? 1),
    facts: {
      userId: "u1",
      traits: { plan: "pro" },
      url,
      title: "Shop",
      userAgent: "test",
      viewport: { width: 800, height: 600 },
      referrer: "",
      timeZone: "UTC",
      language: "en",
      release: "1",
      environment: "test",
      startedAt,
    },
    tab: { tab, tabGroup: "g", url, title: "Shop", viewport: null, startedAt },
  };
}

/** The stored seqs of a tab, in order. */
export async function readSeqs(db: Database, sessionId: string, tab = "tab-1"): Promise<number[]> {
  const rows = await db.query<{ seq: number }>("SELECT seq FROM session_events WHERE session_id = $1 AND tab = $2 ORDER BY seq", [
    sessionId,
    tab,
  ]);
  return rows.map(({ seq }) => seq);
}
