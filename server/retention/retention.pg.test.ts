import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withClient } from "../db/connection.ts";
import { createTestClock, type TestClock } from "../../test/harness/clock.ts";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import { checkoutEvents, insertBatch, insertProject, insertSession, insertTab } from "../../test/harness/stored-session.ts";
import type { SessionStatus } from "../../protocol/session.ts";
import { createRetention, type Retention } from "./retention.ts";

const NOON = Date.parse("2026-11-20T12:00:00Z");
const TABLES = ["sessions", "session_tabs", "session_events", "session_markers", "session_errors"];

let test: TestDatabase;
let projectId: number;
let clock: TestClock;

beforeEach(async () => {
  test = await createTestDatabase();
  projectId = (await insertProject(test.database, "shop")).id;
  clock = createTestClock(NOON);
});

afterEach(async () => {
  await test.drop();
});

function build(intervalMs = 0): Retention {
  return createRetention({ db: test.database, clock, log: quietLog, retentionDays: 7, intervalMs });
}

async function insert(sessionId: string, startedOn: string, status: SessionStatus = "ended"): Promise<void> {
  const at = Date.parse(`${startedOn}T10:00:00Z`);
  await insertSession(test.database, { sessionId, projectId, startedOn, startedAt: at, status });
  await insertTab(test.database, sessionId, "main", at);
  await insertBatch(test.database, {
    sessionId,
    startedOn,
    projectId,
    tab: "main",
    seq: 0,
    events: checkoutEvents(at, sessionId),
    markers: [{ kind: "error", at, name: "Error" }],
  });
}

async function stored(table: string): Promise<string[]> {
  const rows = await test.database.query<{ id: string }>(`SELECT DISTINCT session_id AS id FROM ${table} ORDER BY 1`);
  return rows.map((row) => row.id);
}

async function partitions(): Promise<number> {
  const rows = await test.database.query("SELECT 1 FROM pg_inherits WHERE inhparent = 'session_events'::regclass");
  return rows.length;
}

describe("the clean-up", () => {
  it("RET-1 RET-2 drops whole old days and leaves the younger ones", async () => {
    await insert("old-1", "2026-11-11");
    await insert("old-2", "2026-11-12");
    await insert("edge", "2026-11-13");
    await insert("young", "2026-11-20");
    const report = await build().cleanUp();
    expect(report).toMatchObject({ sessions: 2, batches: 2, days: ["2026-11-11", "2026-11-12"], postponed: [] });
    expect(report.bytes).toBeGreaterThan(100);
    for (const table of TABLES) expect(await stored(table)).toEqual(["edge", "young"]);
    expect(await partitions()).toBe(2);
    expect(await build().cleanUp()).toEqual({ sessions: 0, batches: 0, bytes: 0, days: [], postponed: [] });
  });

  it("RET-2 keeps a session that still goes on, and removes the ended ones of its day", async () => {
    await insert("done", "2026-11-11");
    await insert("going", "2026-11-11", "away");
    expect(await build().cleanUp()).toMatchObject({ sessions: 1, days: [] });
    for (const table of TABLES) expect(await stored(table)).toEqual(["going"]);
    await test.database.query("UPDATE sessions SET status = 'ended'");
    expect(await build().cleanUp()).toMatchObject({ sessions: 1, days: ["2026-11-11"] });
    expect(await partitions()).toBe(0);
  });

  it("RET-3 postpones a day that somebody reads, and removes it the next time", async () => {
    await insert("read", "2026-11-11");
    await withClient(test.connection, async (reader) => {
      await reader.query("BEGIN");
      await reader.query("SELECT count(*) FROM session_events");
      const startedAt = performance.now();
      expect(await build().cleanUp()).toMatchObject({ sessions: 0, days: [], postponed: ["2026-11-11"] });
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      expect(await stored("sessions")).toEqual(["read"]);
      await reader.query("COMMIT");
    });
    expect(await build().cleanUp()).toMatchObject({ sessions: 1, days: ["2026-11-11"], postponed: [] });
  });

  it("RET-1 can be asked for by an administrator", async () => {
    await insert("old", "2026-11-01");
    const call = createCaller(build().routes);
    const user = { kind: "user" as const, userId: 1, email: "a@b", signInId: "", roles: new Map() };
    expect((await call("DELETE", "/sessions/cleanup", { identity: { ...user, isAdmin: false } })).status).toBe(403);
    const answer = await call("DELETE", "/sessions/cleanup", { identity: { ...user, isAdmin: true } });
    expect(answer.json).toMatchObject({ sessions: 1, batches: 1, days: ["2026-11-01"] });
  });

  it("RET-4 runs by itself at start and at each interval, and never where that is 0", async () => {
    await insert("first", "2026-11-11");
    const never = build(0);
    never.start();
    await never.stop();
    expect(await stored("sessions")).toEqual(["first"]);
    const daily = build(24 * 3_600_000);
    daily.start();
    await expect.poll(() => stored("sessions")).toEqual([]);
    await insert("second", "2026-11-13");
    clock.advance(24 * 3_600_000);
    await expect.poll(() => stored("sessions")).toEqual([]);
    await daily.stop();
  });
});
