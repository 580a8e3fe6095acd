import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withClient } from "../db/connection.ts";
import { createTestClock, type TestClock } from "../../test/harness/clock.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import {
  createRetentionRoom,
  idsIn,
  insertVisit,
  personWith,
  SESSION_TABLES as TABLES,
} from "../../test/harness/retention-room.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import { insertProject } from "../../test/harness/stored-session.ts";

const NOON = Date.parse("2026-11-20T12:00:00Z");
const DAY_MS = 24 * 3_600_000;
const MINUTE_MS = 60_000;

let test: TestDatabase;
let projectId: number;
let clock: TestClock;

beforeEach(async () => {
  test = await createTestDatabase();
  projectId = (await insertProject(test.database, "shop")).id;
  clock = createTestClock(NOON);
});
afterEach(() => test.drop());

const build = (more: Parameters<typeof createRetentionRoom>[2] = {}) => createRetentionRoom(test, clock, more);
const insert = (sessionId: string, startedOn: string, hasError = false) =>
  insertVisit(test, { sessionId, projectId, startedOn }, { hasError });

async function expectEverywhere(ids: readonly string[], tables: readonly string[] = TABLES): Promise<void> {
  for (const table of tables) expect(await idsIn(test, table), table).toEqual(ids);
}

async function partitions(): Promise<number> {
  const rows = await test.database.query("SELECT 1 FROM pg_inherits WHERE inhparent = 'session_events'::regclass");
  return rows.length;
}

/** All but occurrences, which only sessions with errors have. */
const WITHOUT_ERRORS = TABLES.filter((table) => table !== "session_errors");

describe("the clean-up", () => {
  it("RET-1 RET-2 drops whole old days, leaves the younger ones, and reports what that freed", async () => {
    await insert("old-1", "2026-11-11");
    await insert("old-2", "2026-11-12");
    await insert("edge", "2026-11-13");
    await insert("young", "2026-11-20");
    const report = await build().cleanUp();
    expect(report).toMatchObject({ sessions: 2, batches: 2, days: ["2026-11-11", "2026-11-12"], thinned: [], postponed: [] });
    expect(report.bytes).toBeGreaterThan(100);
    expect(report.freedBytes).toBeGreaterThan(100_000);
    await expectEverywhere(["edge", "young"], WITHOUT_ERRORS);
    expect(await partitions()).toBe(2);
    const audited = await test.database.query("SELECT actor_kind, data FROM audit_log WHERE action = 'retention_run'");
    expect(audited).toMatchObject([{ actor_kind: "system", data: { sessions: 2, freedBytes: report.freedBytes } }]);
    expect(await build().cleanUp()).toMatchObject({ sessions: 0, batches: 0, bytes: 0, freedBytes: 0, days: [], postponed: [] });
  });

  it("RET-5 keeps sessions with errors longer, and pinned ones until they are unpinned, by moving them", async () => {
    for (const id of ["plain-1", "plain-2", "pinned"]) await insert(id, "2026-11-11");
    await insert("broken", "2026-11-11", true);
    await test.database.query("UPDATE sessions SET pinned_at = now() WHERE session_id = 'pinned'");
    const room = build();
    const before = await test.database.query("SELECT * FROM session_events WHERE session_id = 'broken'");
    expect(await room.cleanUp()).toMatchObject({ sessions: 2, days: [], thinned: ["2026-11-11"] });
    await expectEverywhere(["broken", "pinned"], WITHOUT_ERRORS);
    expect(await idsIn(test, "session_errors")).toEqual(["broken"]);
    expect(await test.database.query("SELECT * FROM session_events WHERE session_id = 'broken'")).toEqual(before);
    // The tables that took their place are as good as new: same keys, same storage, and again exchanged.
    await expect(insert("broken", "2026-11-11")).rejects.toMatchObject({ code: "23505" });
    expect(await room.cleanUp()).toMatchObject({ sessions: 0, thinned: [] });
    clock.advance(23 * DAY_MS);
    expect(await room.cleanUp()).toMatchObject({ sessions: 1, thinned: ["2026-11-11"] });
    await expectEverywhere(["pinned"], WITHOUT_ERRORS);
    await test.database.query("UPDATE sessions SET pinned_at = NULL");
    expect(await room.cleanUp()).toMatchObject({ sessions: 1, days: ["2026-11-11"] });
    await expectEverywhere([]);
    expect(await partitions()).toBe(0);
  });

  it("RET-5 what takes the place of a day's tables is as they were, but for their names and their rows", async () => {
    await insert("plain", "2026-11-11");
    await insert("broken", "2026-11-11", true);
    const describe = () =>
      test.database.query(
        `SELECT a.attname, a.attstorage, a.attnotnull, (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid)::integer AS indexes,
           (SELECT count(*) FROM pg_inherits h JOIN pg_index i ON i.indexrelid = h.inhrelid WHERE i.indrelid = c.oid)::integer AS attached,
           (SELECT count(*) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c')::integer AS checks
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
         WHERE c.oid = 'session_events_20261111'::regclass ORDER BY a.attnum`,
      );
    const before = await describe();
    await build().cleanUp();
    expect(await describe()).toEqual(before);
    const [options] = await test.database.query<{ reloptions: string[] }>(
      "SELECT reloptions FROM pg_class WHERE oid = 'session_events_20261111'::regclass",
    );
    expect(options?.reloptions).toEqual(["toast_tuple_target=8160"]);
  });

  it("RET-6 each project has its own days; its own number for all holds for errors too, unless it says otherwise", async () => {
    const short = (await insertProject(test.database, "short")).id;
    const long = (await insertProject(test.database, "long")).id;
    await test.database.query("UPDATE projects SET retention_days = 1 WHERE id = $1", [short]);
    await test.database.query("UPDATE projects SET retention_days = 20, error_retention_days = 25 WHERE id = $1", [long]);
    for (const [name, id] of [
      ["short", short],
      ["shop", projectId],
      ["long", long],
    ] as const) {
      for (const day of ["2026-10-28", "2026-11-11", "2026-11-18", "2026-11-20"]) {
        await insertVisit(test, { sessionId: `${name}-${day}`, projectId: id, startedOn: day });
        await insertVisit(test, { sessionId: `${name}-error-${day}`, projectId: id, startedOn: day }, { hasError: true });
      }
    }
    await build().cleanUp();
    const kept = (await idsIn(test, "sessions")).map((id) => id.replace("2026-", ""));
    expect(kept.sort()).toEqual(
      [
        ...["short-11-20", "short-error-11-20"],
        ...["shop-11-18", "shop-11-20", "shop-error-10-28", "shop-error-11-11", "shop-error-11-18", "shop-error-11-20"],
        ...[
          "long-11-11",
          "long-11-18",
          "long-11-20",
          "long-error-10-28",
          "long-error-11-11",
          "long-error-11-18",
          "long-error-11-20",
        ],
      ].sort(),
    );
    expect(await idsIn(test, "session_events")).toEqual(await idsIn(test, "sessions"));
  });

  it("RET-7 what a removed project has left is erased, whatever is pinned or live", async () => {
    const gone = (await insertProject(test.database, "gone")).id;
    await insertVisit(test, { sessionId: "theirs", projectId: gone, startedOn: "2026-11-20", status: "live" });
    await insertVisit(test, { sessionId: "pinned", projectId: gone, startedOn: "2026-11-20" });
    await test.database.query("UPDATE sessions SET pinned_at = now() WHERE session_id = 'pinned'");
    await insert("ours", "2026-11-20");
    const room = build();
    await room.cleanUp();
    await expectEverywhere(["ours", "pinned", "theirs"], WITHOUT_ERRORS);
    await test.database.query("UPDATE projects SET removed_at = now() WHERE id = $1", [gone]);
    await room.cleanUp();
    await expectEverywhere(["ours"], WITHOUT_ERRORS);
    expect(room.letGo.sort()).toEqual(["pinned", "theirs"]);
  });

  it("RET-2 keeps a session that still goes on, and removes the ended ones of its day", async () => {
    await insert("done", "2026-11-11");
    await insertVisit(test, { sessionId: "going", projectId, startedOn: "2026-11-11", status: "away" });
    expect(await build().cleanUp()).toMatchObject({ sessions: 1, days: [] });
    await expectEverywhere(["going"], WITHOUT_ERRORS);
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
      expect(await idsIn(test, "sessions")).toEqual(["read"]);
      await reader.query("COMMIT");
    });
    expect(await build().cleanUp()).toMatchObject({ sessions: 1, days: ["2026-11-11"], postponed: [] });
  });

  it("RET-1 can be asked for by an administrator, and is written down with his name", async () => {
    await insert("old", "2026-11-01");
    const call = createCaller(build().routes);
    expect((await call("DELETE", "/sessions/cleanup", { identity: personWith({ [projectId]: "owner" }) })).status).toBe(403);
    const answer = await call("DELETE", "/sessions/cleanup", { identity: personWith({}, true) });
    expect(answer.json).toMatchObject({ sessions: 1, batches: 1, days: ["2026-11-01"] });
    const [entry] = await test.database.query("SELECT actor_name FROM audit_log WHERE action = 'retention_run'");
    expect(entry).toEqual({ actor_name: "a@example.com" });
  });

  it("RET-4 runs by itself at start and at each interval, and never where that is 0", async () => {
    await insert("first", "2026-11-11");
    const never = build();
    await never.start();
    await never.stop();
    expect(await idsIn(test, "sessions")).toEqual(["first"]);
    const daily = build({ intervalMs: DAY_MS });
    await daily.start();
    await expect.poll(() => idsIn(test, "sessions")).toEqual([]);
    await daily.cleanUp();
    await daily.scrubbed();
    await insert("second", "2026-11-13");
    clock.advance(DAY_MS);
    // The scrubber runs at that moment as well, and whoever comes second comes back.
    await expect
      .poll(() => {
        clock.advance(MINUTE_MS);
        return idsIn(test, "sessions");
      })
      .toEqual([]);
    await daily.stop();
  });

  it("RET-4 comes back soon for a day that was in use", async () => {
    await insert("read", "2026-11-11");
    const daily = build({ intervalMs: DAY_MS });
    await withClient(test.connection, async (reader) => {
      await reader.query("BEGIN");
      await reader.query("SELECT count(*) FROM session_events");
      await daily.start();
      // The same run: when it is over, the next one has its time.
      await daily.cleanUp();
      expect(daily.status().postponedDays).toBe(1);
      await reader.query("COMMIT");
    });
    clock.advance(5 * MINUTE_MS);
    await expect.poll(() => idsIn(test, "sessions")).toEqual([]);
    await daily.stop();
  });
});

describe("by size", () => {
  const big = (sessionId: string, startedOn: string, ofProject = projectId, hasError = false) =>
    insertVisit(test, { sessionId, projectId: ofProject, startedOn }, { hasError, payload: new Uint8Array(200_000).fill(7) });

  it("RET-8 a project's oldest days go until it keeps to its budget; pinned sessions and today's stay", async () => {
    const other = (await insertProject(test.database, "other")).id;
    for (const day of ["2026-11-14", "2026-11-15", "2026-11-16", "2026-11-20"]) {
      await big(`ours-${day}`, day, projectId, true);
      await big(`theirs-${day}`, day, other);
    }
    await big("pinned", "2026-11-14");
    await test.database.query("UPDATE sessions SET pinned_at = now() WHERE session_id = 'pinned'");
    await test.database.query("UPDATE projects SET storage_budget_bytes = 650000 WHERE id = $1", [projectId]);
    const report = await build().cleanUp();
    expect(report).toMatchObject({ sessions: 2, thinned: ["2026-11-14", "2026-11-15"], overBudgetBytes: 0 });
    expect((await idsIn(test, "session_events")).filter((id) => !id.startsWith("theirs"))).toEqual([
      "ours-2026-11-16",
      "ours-2026-11-20",
      "pinned",
    ]);
    expect((await idsIn(test, "sessions")).filter((id) => id.startsWith("theirs"))).toHaveLength(4);
    await test.database.query("UPDATE projects SET storage_budget_bytes = 1 WHERE id = $1", [projectId]);
    expect((await build().cleanUp()).overBudgetBytes).toBe(399_999);
    expect((await idsIn(test, "sessions")).filter((id) => !id.startsWith("theirs"))).toEqual(["ours-2026-11-20", "pinned"]);
  });

  it("RET-8 the installation's oldest days go until its tables keep to the budget", async () => {
    for (const day of ["2026-11-14", "2026-11-15", "2026-11-16", "2026-11-20"]) await big(`of-${day}`, day);
    const call = createCaller(build().routes);
    const stored = async () => (await call("GET", "/v1/storage", { identity: personWith({}, true) })).json as { bytes: number };
    const { bytes } = await stored();
    const budgetBytes = bytes - 250_000;
    expect(await build({ budgetBytes }).cleanUp()).toMatchObject({ days: ["2026-11-14"], overBudgetBytes: 0 });
    expect((await stored()).bytes).toBeLessThanOrEqual(budgetBytes);
    const report = await build({ budgetBytes: 1 }).cleanUp();
    expect(report.overBudgetBytes).toBeGreaterThan(0);
    expect(await idsIn(test, "sessions")).toEqual(["of-2026-11-20"]);
  });

  it("RET-9 tells what is stored: to administrators of all, to members of their project", async () => {
    await big("one", "2026-11-14");
    await big("two", "2026-11-20");
    await test.database.query("UPDATE projects SET storage_budget_bytes = 5 WHERE id = $1", [projectId]);
    const call = createCaller(build({ budgetBytes: 7 }).routes);
    const ours = {
      projectId,
      name: "shop",
      bytes: 400_000,
      sessions: 2,
      pinnedSessions: 0,
      budgetBytes: 5,
      days: [
        { day: "2026-11-20", bytes: 200_000, sessions: 1 },
        { day: "2026-11-14", bytes: 200_000, sessions: 1 },
      ],
    };
    const viewer = personWith({ [projectId]: "viewer" });
    expect((await call("GET", `/v1/projects/${projectId}/storage`, { identity: viewer })).json).toEqual(ours);
    expect((await call("GET", `/v1/projects/${projectId}/storage`, { identity: personWith({}) })).status).toBe(404);
    expect((await call("GET", "/v1/storage", { identity: viewer })).status).toBe(403);
    const all = await call("GET", "/v1/storage", { identity: personWith({}, true) });
    expect(all.json).toMatchObject({ projects: [ours], budgetBytes: 7, guard: "unknown", diskFreeBytes: null });
    expect(all.json).toMatchObject({ tables: [{ day: "2026-11-20" }, { day: "2026-11-14" }], scrub: { state: "idle" } });
  });
});
