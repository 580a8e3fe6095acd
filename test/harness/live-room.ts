/** The live edge between ports in memory: viewers that read as slowly as a test likes, and a database that is a list. */

import { deflateRawSync } from "node:zlib";
import { decodeBinary, decodeText } from "../../protocol/codec.ts";
import type { RrwebEvent } from "../../protocol/rrweb-event.ts";
import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import type { SessionView } from "../../server/audit-trail.ts";
import { createLive, type History, type Live, type ViewerConnection, type ViewerPort } from "../../server/live/live.ts";
import { silentLogger } from "../../server/log.ts";
import type { BatchRow } from "../../server/store/store.ts";
import { createTestClock, type TestClock } from "./clock.ts";
import { NOON, summaryOf } from "./ingest-room.ts";

/** Where uWebSockets.js would skip frames for a viewer. */
const MAX_BACKPRESSURE = 4 * 1024 * 1024;

/** A message that a viewer has read. */
export interface Read {
  type: string;
  data: Record<string, unknown>;
}

/** One viewer: reads only when told to, or at once. */
export class TestViewer {
  readonly log: Read[] = [];
  readonly topics = new Set<string>();
  readonly connection: ViewerConnection;
  /** Reads whatever comes, as soon as it comes. */
  isQuick = true;
  /** Published frames are skipped until it reads again, as for a viewer that is too far behind. */
  isJammed = false;
  projects = new Set([1]);
  private readonly queue: (Uint8Array | string)[] = [];
  private backlog = 0;

  constructor(live: Live, id: number, form: "binary" | "text") {
    const port: ViewerPort = {
      id,
      form,
      send: (frame) => this.push(frame),
      subscribe: (topic) => void this.topics.add(topic),
      unsubscribe: (topic) => void this.topics.delete(topic),
      backlogBytes: () => this.backlog,
      maySee: (projectId) => this.projects.has(projectId),
      actor: () => ({ kind: "user", userId: id, email: `viewer-${id}@example.com` }),
      peer: "127.0.0.1",
    };
    this.connection = live.connect(port);
  }

  say(type: string, data: unknown): void {
    this.connection.receive({ type, data });
  }

  /** A frame that was published to one of its topics. */
  published(frame: Uint8Array): void {
    if (this.isJammed || !this.push(frame)) this.connection.dropped();
  }

  /** Reads up to `count` frames (all when absent). */
  read(count = this.queue.length): void {
    this.isJammed = false;
    for (const frame of this.queue.splice(0, count)) {
      this.backlog -= frame.length;
      this.take(frame);
    }
    this.connection.drained();
  }

  /** Data of the messages of one type that it has read. */
  heard(type: string): Record<string, unknown>[] {
    return this.log.filter((message) => message.type === type).map((message) => message.data);
  }

  /** `tab:seq` of the batches that it has read. */
  batches(): string[] {
    return this.heard("events_batch").map(({ tab, seq }) => `${String(tab)}:${String(seq)}`);
  }

  private push(frame: Uint8Array | string): boolean {
    if (this.isQuick) {
      this.take(frame);
      return true;
    }
    if (this.backlog > MAX_BACKPRESSURE) return false;
    this.queue.push(frame);
    this.backlog += frame.length;
    return true;
  }

  private take(frame: Uint8Array | string): void {
    const { type, data } = typeof frame === "string" ? decodeText(frame) : decodeBinary(frame);
    if (typeof data !== "object" || data === null) throw new Error(`${type} without data`);
    this.log.push({ type, data: { ...data } });
  }
}

/** The database: what was committed, and sessions that are not live here. */
export class MemoryHistory implements History {
  readonly rows: BatchRow[] = [];
  readonly sessions = new Map<string, { session: SessionSummary; tabs: TabSummary[]; startedOn: string }>();
  isDown = false;
  reads = 0;

  async *readBatches(session: { sessionId: string }, tab: string, fromSeq: number, toSeq: number): AsyncIterable<BatchRow> {
    this.reads++;
    for (;;) {
      await this.answer();
      const row = this.rowsOf(session.sessionId, tab).find(({ seq }) => seq >= fromSeq && seq <= toSeq);
      if (!row) return;
      yield row;
      fromSeq = row.seq + 1;
    }
  }

  async findCheckout(session: { sessionId: string }, tab: string, at = Infinity): Promise<number | null> {
    await this.answer();
    const checkouts = this.rowsOf(session.sessionId, tab).filter((row) => row.checkout && row.firstAt <= at);
    return checkouts.at(-1)?.seq ?? null;
  }

  async findSession(sessionId: string) {
    await this.answer();
    return this.sessions.get(sessionId) ?? null;
  }

  private rowsOf(sessionId: string, tab: string): BatchRow[] {
    return this.rows.filter((row) => row.sessionId === sessionId && row.tab === tab).sort((a, b) => a.seq - b.seq);
  }

  private async answer(): Promise<void> {
    await new Promise(setImmediate);
    if (this.isDown) throw new Error("no database");
  }
}

export interface LiveRoomForTests {
  live: Live;
  clock: TestClock;
  history: MemoryHistory;
  viewers: TestViewer[];
  /** What the live edge asked of trackers. */
  requests: { checkouts: string[]; watchers: number[] };
  /** What was to be written down of who saw what. */
  views: SessionView[];
  /** Writing one of these down; replaced by a test. */
  viewed: () => Promise<void>;
  summary: SessionSummary;
  tabs: TabSummary[];
  connect(form?: "binary" | "text"): TestViewer;
  /** Opens a tab of the session `session-1`, of which the database has everything up to `upto`. */
  openTab(tab: string, upto?: number): void;
  publish(tab: string, seq: number, more?: Partial<BatchRow>): void;
  /** Everything published up to `upto` is durable. */
  commit(tab: string, upto: number): void;
  /** A viewer of `session-1`, once it was answered. */
  join(options?: Record<string, unknown>, form?: "binary" | "text"): Promise<TestViewer>;
}

/** Lets everything run that waits for nothing but its turn. */
export async function settle(turns = 12): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise(setImmediate);
}

/** A row of `session-1`: one event a second from noon on. */
export function rowOf(tab: string, seq: number, more: Partial<BatchRow> = {}): BatchRow {
  const at = NOON + seq * 1_000;
  const events: RrwebEvent[] = [{ type: 3, timestamp: at, data: { n: seq } }];
  const json = JSON.stringify(events);
  return {
    sessionId: "session-1",
    tab,
    seq,
    projectId: 1,
    startedOn: "2026-11-21",
    receivedAt: at + 50,
    firstAt: at,
    lastAt: at,
    count: 1,
    checkout: false,
    encoding: "deflate-raw",
    rawBytes: json.length,
    payload: new Uint8Array(deflateRawSync(json)),
    markers: [],
    url: "",
    ...more,
  };
}

/** A tab of `session-1`. */
export function tabOf(tab: string, upto = -1, more: Partial<TabSummary> = {}): TabSummary {
  return { tab, tabGroup: "g", url: "", title: "", viewport: null, startedAt: NOON, lastAt: NOON, endedAt: null, upto, ...more };
}

/** The summary of `session-1`. */
export function liveSummary(more: Partial<SessionSummary> = {}): SessionSummary {
  const texts = { url: "", title: "", userAgent: "", referrer: "", timeZone: "", language: "", release: "", environment: "" };
  const facts = { ...texts, userId: null, traits: {}, viewport: null, startedAt: NOON };
  return { ...summaryOf("session-1", 1, facts), ...more };
}

/** Builds the live edge over ports in memory. */
export function createLiveRoom(maxTailBytes = 32 * 1024 * 1024): LiveRoomForTests {
  const clock = createTestClock(NOON);
  const history = new MemoryHistory();
  const viewers: TestViewer[] = [];
  const requests: LiveRoomForTests["requests"] = { checkouts: [], watchers: [] };
  const views: SessionView[] = [];
  const live = createLive({
    publisher: {
      publish: (topic, frame) => {
        for (const viewer of viewers) if (viewer.topics.has(topic)) viewer.published(frame);
      },
    },
    history,
    events: {
      readEvents: (_session, fromIndex) => Promise.resolve({ events: [{ type: 3, timestamp: NOON }], nextIndex: fromIndex + 1 }),
    },
    requests: {
      requestCheckout: (_session, tab) => requests.checkouts.push(tab),
      watchersChanged: (_session, count) => requests.watchers.push(count),
    },
    views: {
      viewed: (view) => {
        views.push(view);
        return room.viewed();
      },
    },
    clock,
    log: silentLogger,
    maxTailBytes,
  });
  live.start();
  const summary = liveSummary();
  const tabs: TabSummary[] = [];
  const published: BatchRow[] = [];
  const room: LiveRoomForTests = {
    live,
    clock,
    history,
    viewers,
    requests,
    views,
    viewed: () => Promise.resolve(),
    summary,
    tabs,
    connect: (form = "binary") => {
      const viewer = new TestViewer(live, viewers.length + 1, form);
      viewers.push(viewer);
      return viewer;
    },
    openTab: (tab, upto = -1) => {
      if (!tabs.some((known) => known.tab === tab)) tabs.push(tabOf(tab, upto));
      live.openTab(summary, tabs, "2026-11-21", tab);
    },
    publish: (tab, seq, more = {}) => {
      const row = rowOf(tab, seq, more);
      published.push(row);
      live.publish(row);
    },
    commit: (tab, upto) => {
      for (const row of published) {
        if (row.tab === tab && row.seq <= upto && !history.rows.includes(row)) history.rows.push(row);
      }
      live.committed("session-1", tab, upto);
    },
    join: async (options = {}, form = "binary") => {
      const viewer = room.connect(form);
      viewer.say("viewer_join_session", { sessionId: "session-1", ...options });
      await settle();
      return viewer;
    },
  };
  return room;
}
