import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import { type TestDatabase, createTestDatabase } from "../../test/harness/postgres.ts";
import { T0, type WatchedStore, batchRow, openingOf, startStore } from "../../test/harness/store.ts";
import { waitFor } from "../../test/harness/wait.ts";
import type { Database } from "../db/db.ts";
import { createStore } from "./store.ts";

let test: TestDatabase;
let watched: WatchedStore;
const clock = { now: () => T0, every: () => () => undefined, after: () => () => undefined };

beforeAll(async () => {
  test = await createTestDatabase();
  watched = await startStore(test.database, test.connection, { clock });
});

afterAll(async () => {
  await watched.store.drain(1_000);
  await test.drop();
});

async function openNew(sessionId: string, tab = "tab-1"): Promise<{ session: SessionSummary; tabs: TabSummary[] }> {
  const opened = await watched.store.openSession(openingOf(sessionId, tab));
  if (opened.kind !== "created") throw new Error(`${sessionId} is ${opened.kind}`);
  return opened;
}

describe("opening a session", () => {
  it("STO-16 a free id is created with what the page says of itself", async () => {
    const opened = await watched.store.openSession(openingOf("fresh", "a"));
    expect(opened).toEqual({
      kind: "created",
      upto: -1,
      startedOn: "2026-11-20",
      tabs: [
        {
          tab: "a",
          tabGroup: "g",
          url: "https://shop.example/",
          title: "Shop",
          viewport: null,
          startedAt: T0,
          lastAt: T0,
          endedAt: null,
          upto: -1,
        },
      ],
      session: {
        sessionId: "fresh",
        projectId: 1,
        status: "live",
        live: true,
        userId: "u1",
        traits: { plan: "pro" },
        url: "https://shop.example/",
        title: "Shop",
        userAgent: "test",
        viewport: { width: 800, height: 600 },
        referrer: "",
        timeZone: "UTC",
        language: "en",
        release: "1",
        environment: "test",
        startedAt: T0,
        lastAt: T0,
        endedAt: null,
        durationMs: 0,
        eventCount: 0,
        batchCount: 0,
        byteCount: 0,
        errorCount: 0,
        tabCount: 1,
        watchers: 0,
      },
    });
  });

  it("STO-16 its owner resumes it: with the newest stored seq of the tab, and of every other", async () => {
    await openNew("again");
    for (let seq = 0; seq < 3; seq++) watched.store.append(batchRow({ sessionId: "again", seq }));
    await waitFor(() => watched.durable.some((row) => row.sessionId === "again" && row.seq === 2));
    const same = await watched.store.openSession(openingOf("again", "tab-1"));
    expect(same).toMatchObject({ kind: "resumed", upto: 2, startedOn: "2026-11-20", tabs: [{ tab: "tab-1", upto: 2 }] });
    const other = await watched.store.openSession(openingOf("again", "tab-2", { startedAt: T0 + 5_000 }));
    expect(other).toMatchObject({
      kind: "resumed",
      upto: -1,
      tabs: [
        { tab: "tab-1", upto: 2 },
        { tab: "tab-2", upto: -1 },
      ],
    });
  });

  it("STO-16 another token or another project finds it foreign, and opens no tab", async () => {
    await openNew("owned");
    expect(await watched.store.openSession(openingOf("owned", "b", { token: 2 }))).toEqual({ kind: "foreign" });
    expect(await watched.store.openSession(openingOf("owned", "b", { projectId: 2 }))).toEqual({ kind: "foreign" });
    const tabs = await test.database.query("SELECT tab FROM session_tabs WHERE session_id = 'owned'");
    expect(tabs).toEqual([{ tab: "tab-1" }]);
  });

  it("STO-16 one that is over takes nothing more", async () => {
    await openNew("over");
    await watched.store.endSessions([{ sessionId: "over", endedAt: T0 + 1, reason: "ended" }]);
    expect(await watched.store.openSession(openingOf("over", "b"))).toEqual({ kind: "closed" });
  });

  it("STO-17 calls of one moment share one statement, and each gets its own answer", async () => {
    let statements = 0;
    const counting: Database = {
      ...test.database,
      query: (sql, values) => {
        statements++;
        return test.database.query(sql, values);
      },
    };
    const { connection } = test;
    const events = { onDurable: () => undefined, onRefused: () => undefined, onStateChange: () => undefined };
    const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    const store = createStore({ db: counting, connection, clock, log, events });
    await openNew("moment-0");
    const answers = await Promise.all([
      ...Array.from({ length: 50 }, (_, i) => store.openSession(openingOf(`moment-${i}`, "tab-1"))),
      store.openSession(openingOf("moment-7", "tab-2")),
      store.openSession(openingOf("moment-8", "tab-2", { token: 9 })),
    ]);
    expect(statements).toBe(1);
    expect(answers.map(({ kind }) => kind)).toEqual(["resumed", ...Array<string>(49).fill("created"), "resumed", "foreign"]);
    expect(answers[7]).toMatchObject({ tabs: [{ tab: "tab-1" }, { tab: "tab-2" }] });
  });

  it("STO-17 two processes that open one session at once both get it, created by one", async () => {
    const other = await startStore(test.database, test.connection, { clock });
    for (let i = 0; i < 20; i++) {
      const answers = await Promise.all([
        watched.store.openSession(openingOf(`race-${i}`, "a")),
        other.store.openSession(openingOf(`race-${i}`, "b")),
      ]);
      expect(answers.map(({ kind }) => kind).sort()).toEqual(["created", "resumed"]);
    }
    await other.store.drain(1_000);
  });

  it("STO-3 facts with U+0000 and lone surrogates are cleaned, and harm nobody else's", async () => {
    const dirty = openingOf("dirty", "a");
    dirty.facts.title = "a\u0000b";
    dirty.facts.traits = { "k\u0000": "\ud800" };
    const [opened, clean] = await Promise.all([
      watched.store.openSession(dirty),
      watched.store.openSession(openingOf("clean", "a")),
    ]);
    expect(opened).toMatchObject({ kind: "created", session: { title: "ab", traits: { k: "\ufffd" } } });
    expect(clean.kind).toBe("created");
  });

  it("STO-17 an opening that Postgres refuses fails alone", async () => {
    const bad = openingOf("bad", "a", { startedAt: 8.64e18 });
    const answers = await Promise.allSettled([watched.store.openSession(bad), watched.store.openSession(openingOf("good", "a"))]);
    expect(answers).toMatchObject([
      { status: "rejected", reason: { kind: "store" } },
      { status: "fulfilled", value: { kind: "created" } },
    ]);
  });
});

describe("progress", () => {
  it("STO-18 facts and counts of sessions and their tabs are written in one statement", async () => {
    const { session, tabs } = await openNew("going");
    const [tab] = tabs;
    if (tab === undefined) throw new Error("no tab");
    const url = "https://shop.example/cart";
    await watched.store.saveProgress([
      {
        session: {
          ...session,
          status: "away",
          userId: null,
          url,
          lastAt: T0 + 9_000,
          eventCount: 5,
          batchCount: 2,
          byteCount: 99,
          errorCount: 1,
        },
        tabs: [
          { ...tab, url, lastAt: T0 + 8_000, endedAt: T0 + 8_000 },
          { ...tab, tab: "late", startedAt: T0 + 8_500 },
        ],
      },
    ]);
    const resumed = await watched.store.openSession(openingOf("going", "tab-1"));
    expect(resumed).toMatchObject({
      kind: "resumed",
      session: {
        status: "away",
        live: false,
        userId: null,
        url,
        lastAt: T0 + 9_000,
        durationMs: 9_000,
        eventCount: 5,
        batchCount: 2,
        byteCount: 99,
        errorCount: 1,
      },
      tabs: [
        { tab: "tab-1", url, lastAt: T0 + 8_000, endedAt: T0 + 8_000 },
        { tab: "late", startedAt: T0 + 8_500 },
      ],
    });
  });

  it("RET-21 with it goes whom a session showed before, once each, and nobody of one that is not there", async () => {
    const { session, tabs } = await openNew("shared");
    const gone = { session: { ...session, sessionId: "erased" }, tabs: [], formerUserIds: ["ada"] };
    for (let i = 0; i < 2; i++) {
      await watched.store.saveProgress([{ session, tabs, formerUserIds: ["ada", "bob"] }, { session, tabs: [] }, gone]);
    }
    expect(await test.database.query("SELECT session_id, user_id FROM session_people ORDER BY user_id")).toEqual([
      { session_id: "shared", user_id: "ada" },
      { session_id: "shared", user_id: "bob" },
    ]);
  });

  it("STO-18 it neither ends a session, nor changes one that is over, nor brings back one that was erased", async () => {
    const { session, tabs } = await openNew("still");
    await watched.store.saveProgress([{ session: { ...session, status: "ended" }, tabs }]);
    const read = () => test.database.query("SELECT status, url FROM sessions WHERE session_id = 'still'");
    expect(await read()).toEqual([{ status: "live", url: session.url }]);
    await watched.store.endSessions([{ sessionId: "still", endedAt: T0, reason: "ended" }]);
    await watched.store.saveProgress([{ session: { ...session, url: "late" }, tabs }]);
    expect(await read()).toEqual([{ status: "ended", url: session.url }]);
    await test.database.query("DELETE FROM sessions WHERE session_id = 'still'");
    await test.database.query("DELETE FROM session_tabs WHERE session_id = 'still'");
    await watched.store.saveProgress([{ session, tabs }]);
    expect(await test.database.query("SELECT 1 FROM session_tabs WHERE session_id = 'still'")).toEqual([]);
  });

  it("STO-18 writing it again and again stays a HOT update", async () => {
    const { session, tabs } = await openNew("hot");
    const count = async () => {
      await test.database.query("SELECT pg_stat_force_next_flush()");
      const [row] = await test.database.query<{ hot: number }>(
        "SELECT n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE relname = 'sessions'",
      );
      return row?.hot ?? 0;
    };
    const before = await count();
    for (let i = 1; i <= 10; i++) {
      await watched.store.saveProgress([{ session: { ...session, lastAt: T0 + i, eventCount: i }, tabs }]);
    }
    await waitFor(async () => (await count()) - before >= 8);
  });
});

describe("ending", () => {
  it("STO-19 counts are those of the stored rows, appended ones included", async () => {
    const { session, tabs } = await openNew("counted");
    await watched.store.saveProgress([{ session: { ...session, eventCount: 999 }, tabs }]);
    for (let seq = 0; seq < 25; seq++) {
      const payload = new Uint8Array(seq < 3 ? 20_000 : 100);
      const markers = seq % 5 === 0 ? [{ kind: "error" as const, at: T0 }] : [];
      watched.store.append(batchRow({ sessionId: "counted", seq, count: 4, payload, markers }));
    }
    await watched.store.endSessions([{ sessionId: "counted", endedAt: T0 + 60_000, reason: "idle" }]);
    const [row] = await test.database.query(
      "SELECT status, ended_at, end_reason, event_count, batch_count, byte_count, error_count FROM sessions WHERE session_id = 'counted'",
    );
    expect(row).toEqual({
      status: "ended",
      ended_at: new Date(T0 + 60_000),
      end_reason: "idle",
      event_count: 100,
      batch_count: 25,
      byte_count: 62_200,
      error_count: 5,
    });
    expect(await test.database.query("SELECT 1 FROM session_tabs WHERE session_id = 'counted' AND ended_at IS NULL")).toEqual([]);
  });

  it("STO-19 a second end keeps the first one's time and reason", async () => {
    await openNew("twice");
    await watched.store.endSessions([{ sessionId: "twice", endedAt: T0 + 1_000, reason: "ended" }]);
    await watched.store.endSessions([{ sessionId: "twice", endedAt: T0 + 2_000, reason: "idle" }]);
    const [row] = await test.database.query("SELECT ended_at, end_reason FROM sessions WHERE session_id = 'twice'");
    expect(row).toEqual({ ended_at: new Date(T0 + 1_000), end_reason: "ended" });
  });

  it("STO-20 what a dead process left open is ended at its last event; what is heard of is not", async () => {
    await openNew("left");
    await openNew("heard");
    await test.database.query(
      "UPDATE sessions SET received_at = to_timestamp($1 / 1000.0), last_at = to_timestamp($2 / 1000.0) WHERE session_id = 'left'",
      [T0 - 3_600_000, T0 + 5_000],
    );
    expect(await watched.store.endAbandoned(T0 - 1_800_000)).toEqual(["left"]);
    expect(await watched.store.endAbandoned(T0 - 1_800_000)).toEqual([]);
    const rows = await test.database.query(
      "SELECT session_id, status, ended_at, end_reason FROM sessions WHERE session_id IN ('left', 'heard') ORDER BY 1",
    );
    expect(rows).toEqual([
      { session_id: "heard", status: "live", ended_at: null, end_reason: null },
      { session_id: "left", status: "ended", ended_at: new Date(T0 + 5_000), end_reason: "idle" },
    ]);
  });
});
