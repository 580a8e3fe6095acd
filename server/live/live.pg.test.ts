import { deflateRawSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { NOON, projectOf, TestTracker } from "../../test/harness/ingest-room.ts";
import { TestViewer } from "../../test/harness/live-room.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { checkoutEvents, insertProject, textEvent } from "../../test/harness/stored-session.ts";
import { noViews } from "../../test/harness/views.ts";
import { waitFor } from "../../test/harness/wait.ts";
import { DEFAULT_TRACKER_LIMITS } from "../../protocol/limits.ts";
import { systemClock } from "../clock.ts";
import { createIngest, type Ingest } from "../ingest/ingest.ts";
import { createHistory } from "../replay/history.ts";
import { createStore, type Store } from "../store/store.ts";
import { createLive, type Live } from "./live.ts";

const SESSION = "session-live";
const CHECKOUT_EVERY = 10;

let database: TestDatabase;
let projectId = 0;
const running: Process[] = [];

/** The rooms of one process that this test needs; viewers are sockets in memory. */
interface Process {
  ingest: Ingest;
  live: Live;
  store: Store;
  viewers: TestViewer[];
}

beforeAll(async () => {
  database = await createTestDatabase();
  projectId = (await insertProject(database.database, "live")).id;
});

afterEach(async () => {
  for (const { ingest, live, store } of running.splice(0)) {
    await ingest.drain();
    await store.drain(5_000);
    live.stop();
  }
});

afterAll(() => database.drop());

async function startProcess(maxTailBytes: number): Promise<Process> {
  const knot: { ingest?: Ingest } = {};
  const viewers: TestViewer[] = [];
  const live = createLive({
    publisher: {
      publish: (topic, frame) => {
        for (const viewer of viewers) if (viewer.topics.has(topic)) viewer.published(frame);
      },
    },
    ...createHistory(database.database),
    requests: {
      requestCheckout: (sessionId, tab) => knot.ingest?.requestCheckout(sessionId, tab),
      watchersChanged: (sessionId, count) => knot.ingest?.watchersChanged(sessionId, count),
    },
    views: noViews,
    clock: systemClock,
    log: quietLog,
    maxTailBytes,
  });
  const store = createStore({
    db: database.database,
    connection: database.connection,
    clock: systemClock,
    log: quietLog,
    events: {
      onDurable: (rows) => knot.ingest?.onDurable(rows),
      onRefused: (row, reason) => knot.ingest?.onRefused(row, reason),
      onStateChange: (state) => knot.ingest?.onStateChange(state),
    },
  });
  const ingest = createIngest({
    live,
    store,
    clock: systemClock,
    log: quietLog,
    secret: "a secret of the tests",
    limits: DEFAULT_TRACKER_LIMITS,
    cleanupIntervalMs: 60_000,
  });
  knot.ingest = ingest;
  await store.start();
  live.start();
  ingest.start();
  const process = { ingest, live, store, viewers };
  running.push(process);
  return process;
}

async function connect(process: Process, tab: string): Promise<TestTracker> {
  const tracker = new TestTracker(process.ingest, 1, projectOf(projectId));
  tracker.tab = tab;
  tracker.say("session_start", {
    sessionId: SESSION,
    tab,
    resumeToken: "0123456789abcdef",
    startTime: NOON,
    url: "https://shop.example/",
  });
  await waitFor(() => tracker.heard("session_started").length === 1);
  return tracker;
}

/** A viewer with the form and the wishes given. */
function join(process: Process, options: Record<string, unknown> = {}, form: "binary" | "text" = "binary"): TestViewer {
  const viewer = new TestViewer(process.live, process.viewers.length + 1, form);
  viewer.projects = new Set([projectId]);
  process.viewers.push(viewer);
  viewer.say("viewer_join_session", { sessionId: SESSION, ...options });
  return viewer;
}

/** Sends a batch of real, deflated events; each tenth is a checkout. */
function record(tracker: TestTracker, seq: number): void {
  const at = NOON + seq * 1_000;
  const checkout = seq % CHECKOUT_EVERY === 0;
  const events = [...(checkout ? checkoutEvents(at, "shop") : []), textEvent(at, `${tracker.tab} ${seq} ${"x".repeat(2_000)}`)];
  const json = JSON.stringify(events);
  tracker.batch(seq, {
    firstAt: at,
    lastAt: at,
    count: events.length,
    checkout,
    encoding: "deflate-raw",
    rawBytes: json.length,
    payload: new Uint8Array(deflateRawSync(json, { level: 0 })),
  });
}

const range = (tab: string, from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${tab}:${from + i}`);

describe("with the real store and database", () => {
  it("LIV-29 viewers who join at any time, over a restart, see what is stored, once and in order", async () => {
    // Tails so small that most of a join comes from the database.
    const first = await startProcess(20_000);
    const tracker = await connect(first, "a");
    const newest: { viewer: TestViewer; from: number }[] = [];
    const early: TestViewer[] = [];
    for (let seq = 0; seq < 60; seq++) {
      record(tracker, seq);
      if (seq % 13 === 0) newest.push({ viewer: join(first), from: seq - (seq % CHECKOUT_EVERY) });
      if (seq % 17 === 0) early.push(join(first, { from: NOON + 5_000 }, "text"));
      if (seq % 5 === 0) await new Promise(setImmediate);
    }
    for (const { viewer, from } of newest) {
      await waitFor(() => viewer.batches().includes("a:59"));
      // While the join was answered a newer checkout may have come.
      const start = Number(viewer.heard("events_batch")[0]?.["seq"]);
      expect(start % CHECKOUT_EVERY).toBe(0);
      expect(start).toBeGreaterThanOrEqual(from);
      expect(viewer.batches()).toEqual(range("a", start, 59));
    }
    for (const viewer of early) {
      await waitFor(() => viewer.batches().includes("a:59"));
      expect(viewer.batches()).toEqual(range("a", 0, 59));
    }
    for (const viewer of first.viewers) expect(viewer.heard("gap")).toEqual([]);
    await waitFor(() => tracker.heard("ack").some((ack) => "upto" in ack && ack.upto === 59));

    // A viewer comes to the second process before the tracker does, with what he has already.
    const second = await startProcess(20_000);
    const back = join(second, { cursor: { a: 40 } });
    await waitFor(() => back.batches().includes("a:59"));
    const again = await connect(second, "a");
    for (let seq = 55; seq < 75; seq++) record(again, seq);
    const late = join(second);
    const other = await connect(second, "b");
    for (let seq = 0; seq < 3; seq++) record(other, seq);
    await waitFor(() => [back, late].every((viewer) => viewer.batches().includes("a:74") && viewer.batches().includes("b:2")));
    expect(back.batches().filter((batch) => batch.startsWith("a"))).toEqual(range("a", 41, 74));
    expect(late.batches().filter((batch) => batch.startsWith("a"))).toEqual(range("a", 70, 74));
    expect(late.batches().filter((batch) => batch.startsWith("b"))).toEqual(range("b", 0, 2));

    again.say("session_end", {});
    await waitFor(() => [back, late].every((viewer) => viewer.heard("session_ended").length === 1));
    const whole = join(second);
    await waitFor(() => whole.heard("session_ended").length === 1);
    expect(whole.heard("session_joined")).toMatchObject([{ phase: "closed", session: { status: "ended", batchCount: 78 } }]);
    expect(whole.batches().sort()).toEqual([...range("a", 0, 74), ...range("b", 0, 2)].sort());
  });
});
