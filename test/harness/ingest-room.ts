/** Ingest between ports in memory: a tracker's way, a store that commits when the test says so, and a live edge that takes notes. */

import { AppError } from "../../server/app-error.ts";
import type { PackedBatch } from "../../protocol/batch.ts";
import { DEFAULT_TRACKER_LIMITS, type TrackerLimits } from "../../protocol/limits.ts";
import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import type { ToTrackerMessage, ToTrackerType } from "../../protocol/tracker-messages.ts";
import {
  createIngest,
  type Ingest,
  type IngestDeps,
  type TrackerConnection,
  type TrackerPort,
} from "../../server/ingest/ingest.ts";
import { silentLogger } from "../../server/log.ts";
import { DEFAULT_PROJECT_SETTINGS, type Project } from "../../server/projects/projects.ts";
import type { BatchRow, SessionOpened, SessionOpening, SessionProgress } from "../../server/store/store.ts";
import { createTestClock, type TestClock } from "./clock.ts";

/** Noon of an ordinary day. */
export const NOON = Date.UTC(2026, 10, 21, 12);

/** A project with this id. */
export function projectOf(id: number): Project {
  return { id, name: `project ${id}`, slug: `project-${id}`, keys: [], createdAt: NOON, settings: DEFAULT_PROJECT_SETTINGS };
}

/** A store in memory, with the promises of the real one; nothing is durable before `commit`. */
export class MemoryStore {
  readonly pending: BatchRow[] = [];
  readonly rows: BatchRow[] = [];
  readonly progress: SessionProgress[] = [];
  readonly ends: { sessionId: string; endedAt: number; reason: string }[] = [];
  readonly openings: SessionOpening[] = [];
  abandoned: string[] = [];
  abandonedAsked: number[] = [];
  /** No statement gets through. */
  isDown = false;
  /** No batch is taken. */
  isFull = false;
  /** Ids with a tombstone. */
  readonly erased = new Set<string>();
  private readonly known = new Map<string, { opening: SessionOpening; isEnded: boolean; session: SessionSummary }>();
  private readonly ingest: () => Ingest;

  constructor(ingest: () => Ingest) {
    this.ingest = ingest;
  }

  openSession(opening: SessionOpening): Promise<SessionOpened> {
    this.openings.push(opening);
    if (this.isDown) return Promise.reject(new AppError("store", "the database does not answer"));
    const { sessionId, projectId, facts, resumeHash } = opening;
    if (this.erased.has(sessionId)) return Promise.resolve({ kind: "erased" });
    const found = this.known.get(sessionId);
    const tab: TabSummary = { ...opening.tab, lastAt: opening.tab.startedAt, endedAt: null, upto: -1 };
    if (!found) {
      const session = summaryOf(sessionId, projectId, facts);
      this.known.set(sessionId, { opening, isEnded: false, session });
      return Promise.resolve({ kind: "created", session: { ...session }, tabs: [tab], startedOn: "2026-11-21", upto: -1 });
    }
    const isForeign = found.opening.projectId !== projectId || Buffer.compare(found.opening.resumeHash, resumeHash) !== 0;
    if (isForeign) return Promise.resolve({ kind: "foreign" });
    if (found.isEnded) return Promise.resolve({ kind: "closed" });
    const upto = this.uptoOf(sessionId, tab.tab);
    return Promise.resolve({ kind: "resumed", session: { ...found.session }, tabs: [tab], startedOn: "2026-11-21", upto });
  }

  ownerOf(sessionId: string): Promise<number | null> {
    return Promise.resolve(this.known.get(sessionId)?.opening.projectId ?? null);
  }

  append(row: BatchRow): boolean {
    if (this.isFull) return false;
    this.pending.push(row);
    return true;
  }

  saveProgress(progress: readonly SessionProgress[]): Promise<void> {
    if (this.isDown) return Promise.reject(new AppError("store", "the database does not answer"));
    this.progress.push(...progress);
    return Promise.resolve();
  }

  endSessions(ends: readonly { sessionId: string; endedAt: number; reason: "ended" | "idle" }[]): Promise<void> {
    if (this.isDown) return Promise.reject(new AppError("store", "the database does not answer"));
    this.ends.push(...ends);
    for (const { sessionId } of ends) {
      const found = this.known.get(sessionId);
      if (found) found.isEnded = true;
    }
    return Promise.resolve();
  }

  endAbandoned(idleSince: number): Promise<string[]> {
    if (this.isDown) return Promise.reject(new AppError("store", "the database does not answer"));
    this.abandonedAsked.push(idleSince);
    return Promise.resolve(this.abandoned.splice(0));
  }

  /** The next `count` batches (all when absent) become durable. */
  commit(count = this.pending.length): void {
    const rows = this.pending.splice(0, count);
    this.rows.push(...rows);
    if (rows.length > 0) this.ingest().onDurable(rows);
  }

  private uptoOf(sessionId: string, tab: string): number {
    return Math.max(-1, ...this.rows.filter((row) => row.sessionId === sessionId && row.tab === tab).map((row) => row.seq));
  }
}

/** What ingest told the live edge, in order. */
export type LiveNote =
  | { kind: "open"; tab: string }
  | { kind: "batch"; tab: string; seq: number }
  | { kind: "gap"; tab: string; fromSeq: number; toSeq: number }
  | { kind: "committed"; tab: string; upto: number }
  | { kind: "update"; status: string; url: string }
  | { kind: "end"; sessionId: string; reason: string };

/** One tracker's way, with all that it was told. */
export class TestTracker {
  readonly told: ToTrackerMessage[] = [];
  readonly closes: { code: string; reason: string }[] = [];
  readonly connection: TrackerConnection;
  tab = "tab1";

  constructor(ingest: Ingest, id: number, project: Project) {
    const port: TrackerPort = {
      id,
      project,
      send: (message) => this.told.push(structuredClone(message)),
      close: (code, reason) => this.closes.push({ code, reason }),
    };
    this.connection = ingest.connect(port);
  }

  say(type: string, data: unknown): void {
    this.connection.receive({ type, data });
  }

  batch(seq: number, more: Partial<PackedBatch> = {}): void {
    this.say("events_batch", { ...packedBatch(seq), tab: this.tab, ...more });
  }

  /** What it was told of one type, since the start. */
  heard(type: ToTrackerType): ToTrackerMessage["data"][] {
    return this.told.filter((message) => message.type === type).map((message) => message.data);
  }
}

/** A packed batch of two events. */
export function packedBatch(seq: number): PackedBatch {
  const at = NOON + seq * 1_000;
  const payload = new TextEncoder().encode(`[{"type":3,"timestamp":${at}},{"type":3,"timestamp":${at + 1}}]`);
  return {
    seq,
    firstAt: at,
    lastAt: at + 1,
    count: 2,
    checkout: false,
    encoding: "json",
    rawBytes: payload.length,
    markers: [],
    payload,
  };
}

export interface IngestRoomForTests {
  ingest: Ingest;
  store: MemoryStore;
  clock: TestClock;
  notes: LiveNote[];
  /** Opens a way to ingest. */
  connect(projectId?: number): TestTracker;
  /** The same, with a tab of a session opened. */
  open(start?: Record<string, unknown>, projectId?: number): Promise<TestTracker>;
}

/** Builds ingest over the ports in memory. */
export function createIngestRoom({
  waitMs,
  redaction,
  ...limits
}: Partial<TrackerLimits> & Pick<IngestDeps, "waitMs" | "redaction"> = {}): IngestRoomForTests {
  const clock = createTestClock(NOON);
  const notes: LiveNote[] = [];
  const knot: { ingest?: Ingest } = {};
  const theIngest = () => {
    if (!knot.ingest) throw new Error("not built yet");
    return knot.ingest;
  };
  const store = new MemoryStore(theIngest);
  const live: IngestDeps["live"] = {
    openTab: (_session, _tabs, _day, tab) => notes.push({ kind: "open", tab }),
    publish: ({ tab, seq }) => notes.push({ kind: "batch", tab, seq }),
    committed: (_session, tab, upto) => notes.push({ kind: "committed", tab, upto }),
    update: ({ status, url }) => notes.push({ kind: "update", status, url }),
    gap: (_session, tab, fromSeq, toSeq) => notes.push({ kind: "gap", tab, fromSeq, toSeq }),
    end: ({ sessionId }, reason) => notes.push({ kind: "end", sessionId, reason }),
  };
  const ingest = createIngest({
    live,
    store,
    clock,
    log: silentLogger,
    secret: "a secret of the tests",
    limits: { ...DEFAULT_TRACKER_LIMITS, ...limits },
    ...(waitMs ? { waitMs } : {}),
    cleanupIntervalMs: 60_000,
    ...(redaction ? { redaction } : {}),
  });
  knot.ingest = ingest;
  ingest.start();
  let ids = 0;
  const connect = (projectId = 1) => new TestTracker(ingest, ++ids, projectOf(projectId));
  return {
    ingest,
    store,
    clock,
    notes,
    connect,
    open: async (start = {}, projectId = 1) => {
      const tracker = connect(projectId);
      const whole = {
        sessionId: "session-1",
        tab: "tab1",
        resumeToken: "0123456789abcdef",
        url: "https://shop.example/",
        ...start,
      };
      tracker.tab = whole.tab;
      tracker.say("session_start", whole);
      while (tracker.told.length === 0) await new Promise(setImmediate);
      return tracker;
    },
  };
}

/** A session that has just begun. */
export function summaryOf(sessionId: string, projectId: number, facts: SessionOpening["facts"]): SessionSummary {
  return {
    ...facts,
    sessionId,
    projectId,
    status: "live",
    live: true,
    lastAt: facts.startedAt,
    endedAt: null,
    durationMs: 0,
    eventCount: 0,
    batchCount: 0,
    byteCount: 0,
    errorCount: 0,
    tabCount: 1,
    watchers: 0,
  };
}
