import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { NOON, packedBatch, projectOf, TestTracker } from "../../test/harness/ingest-room.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { insertProject } from "../../test/harness/stored-session.ts";
import { DEFAULT_TRACKER_LIMITS } from "../../protocol/limits.ts";
import { systemClock } from "../clock.ts";
import { createStore, type Store } from "../store/store.ts";
import { createIngest, type Ingest, type IngestDeps } from "./ingest.ts";

const TOKEN = "0123456789abcdef";
const nobodyWatches: IngestDeps["live"] = {
  openTab: () => undefined,
  publish: () => undefined,
  committed: () => undefined,
  update: () => undefined,
  gap: () => undefined,
  end: () => undefined,
};

let database: TestDatabase;
let projectId = 0;
const running: Server[] = [];

interface Server {
  ingest: Ingest;
  store: Store;
}

beforeAll(async () => {
  database = await createTestDatabase();
  projectId = (await insertProject(database.database, "ingest")).id;
});

afterEach(async () => {
  for (const { ingest, store } of running.splice(0)) {
    await ingest.drain();
    await store.drain(5_000);
  }
});

afterAll(() => database.drop());

/** Ingest and store of one process. */
async function startServer(): Promise<Server> {
  const knot: { ingest?: Ingest } = {};
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
    live: nobodyWatches,
    store,
    clock: systemClock,
    log: quietLog,
    secret: "a secret of the tests",
    limits: DEFAULT_TRACKER_LIMITS,
    cleanupIntervalMs: 60_000,
  });
  knot.ingest = ingest;
  await store.start();
  ingest.start();
  running.push({ ingest, store });
  return { ingest, store };
}

async function connect(server: Server, sessionId: string, tab = "tab1"): Promise<TestTracker> {
  const tracker = new TestTracker(server.ingest, 1, projectOf(projectId));
  tracker.tab = tab;
  tracker.say("session_start", { sessionId, tab, resumeToken: TOKEN, startTime: NOON, url: "https://shop.example/" });
  await expect.poll(() => tracker.heard("session_started")).toHaveLength(1);
  return tracker;
}

const uptoOf = (tracker: TestTracker, type: "ack" | "session_started") => {
  const last = tracker.heard(type).at(-1);
  return last && "upto" in last ? last.upto : -1;
};

async function acked(tracker: TestTracker, upto: number): Promise<void> {
  await expect.poll(() => uptoOf(tracker, "ack")).toBe(upto);
}

async function storedRows(sessionId: string) {
  return database.database.query<{ tab: string; seq: number; payload: Buffer; markers: number }>(
    `SELECT e.tab, e.seq, e.payload,
       (SELECT count(*)::int FROM session_markers m WHERE m.session_id = e.session_id AND m.tab = e.tab AND m.seq = e.seq) AS markers
     FROM session_events e WHERE e.session_id = $1 ORDER BY e.tab, e.seq`,
    [sessionId],
  );
}

describe("with the real store", () => {
  it("ING-33 what is acknowledged is stored once, byte for byte, with its markers, however it came", async () => {
    const server = await startServer();
    const tracker = await connect(server, "session-bytes");
    const payloads = Array.from({ length: 40 }, (_, seq) => new Uint8Array(randomBytes(1 + ((seq * 997) % 9_000))));
    const send = (seq: number) => {
      const payload = payloads[seq] ?? new Uint8Array();
      const markers =
        seq % 4 === 0 ? [{ kind: "error" as const, at: NOON + seq, name: "TypeError", text: "nul \u0000 and \ud800" }] : [];
      tracker.batch(seq, { payload, rawBytes: payload.length, encoding: "deflate-raw", markers, checkout: seq === 0 });
    };
    // Swapped neighbours, and every seventh twice.
    for (let seq = 0; seq < 40; seq += 2) {
      send(seq + 1);
      send(seq);
      if (seq % 7 === 0) send(seq);
    }
    await acked(tracker, 39);
    const rows = await storedRows("session-bytes");
    expect(rows.map(({ seq }) => seq)).toEqual([...Array(40).keys()]);
    for (const row of rows) expect(Buffer.compare(row.payload, payloads[row.seq] ?? new Uint8Array())).toBe(0);
    expect(rows.map(({ markers }) => markers)).toEqual(rows.map(({ seq }) => (seq % 4 === 0 ? 1 : 0)));
  });

  it("ING-33 a process that dies takes nothing acknowledged with it; its tracker goes on where the database stands", async () => {
    const first = await startServer();
    const before = await connect(first, "session-restart");
    for (const seq of [0, 1, 2, 3]) before.batch(seq);
    await acked(before, 3);
    // The second process knows nothing but the database.
    const second = await startServer();
    const after = await connect(second, "session-restart");
    expect(uptoOf(after, "session_started")).toBe(3);
    // Sent again by a tracker that missed the acknowledgement, and by the first process's half-open socket at the same moment.
    for (const seq of [2, 3, 4, 5]) {
      after.batch(seq);
      before.batch(seq);
    }
    await acked(after, 5);
    await acked(before, 5);
    const rows = await storedRows("session-restart");
    expect(rows.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(rows.map(({ payload }) => payload.toString())).toEqual(
      rows.map(({ seq }) => Buffer.from(packedBatch(seq).payload).toString()),
    );
  });

  it("ING-27, ING-18 session_end makes the counts exact, and whoever comes back gets a fresh session", async () => {
    const server = await startServer();
    const tracker = await connect(server, "session-end");
    const other = await connect(server, "session-end", "tab2");
    for (const seq of [0, 1, 2]) tracker.batch(seq, { markers: [{ kind: "error", at: NOON, name: "E" }] });
    other.batch(0);
    tracker.say("session_end", {});
    const row = () =>
      database.database.query(
        `SELECT status, end_reason, event_count::int AS events, batch_count::int AS batches, error_count::int AS errors
         FROM sessions WHERE session_id = 'session-end'`,
      );
    await expect.poll(row).toEqual([{ status: "ended", end_reason: "ended", events: 8, batches: 4, errors: 3 }]);
    const back = await connect(server, "session-end");
    expect(back.heard("session_started")[0]).not.toMatchObject({ sessionId: "session-end" });
    expect(back.heard("session_started")[0]).toMatchObject({ upto: -1, resumeToken: TOKEN });
  });
});
