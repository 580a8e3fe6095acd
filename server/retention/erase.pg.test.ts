import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withClient } from "../db/connection.ts";
import { createTestClock, type TestClock } from "../../test/harness/clock.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import {
  createRetentionRoom,
  idsIn,
  insertVisit,
  lockWaiters,
  personWith,
  type RetentionRoom,
  SESSION_TABLES,
} from "../../test/harness/retention-room.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import { batchRow, openingOf, startStore, type WatchedStore } from "../../test/harness/store.ts";
import { checkoutEvents, insertBatch, insertProject } from "../../test/harness/stored-session.ts";
import { waitFor } from "../../test/harness/wait.ts";

const DAY = "2026-11-20";
const NOON = Date.parse(`${DAY}T12:00:00Z`);

let test: TestDatabase;
let shop: number;
let blog: number;
let clock: TestClock;
let room: RetentionRoom;
let call: ReturnType<typeof createCaller>;

beforeEach(async () => {
  test = await createTestDatabase();
  shop = (await insertProject(test.database, "shop")).id;
  blog = (await insertProject(test.database, "blog")).id;
  clock = createTestClock(NOON);
  room = createRetentionRoom(test, clock);
  call = createCaller(room.routes);
});
afterEach(async () => {
  await room.stop();
  await test.drop();
});

const insert = (sessionId: string, projectId = shop, userId = "ada") =>
  insertVisit(test, { sessionId, projectId, startedOn: DAY, userId }, { hasError: true });
const everywhere = () => Promise.all(SESSION_TABLES.map((table) => idsIn(test, table)));
const audited = () =>
  test.database.query("SELECT action, actor_name, project_id, subject_id, person_id, data FROM audit_log ORDER BY id");

describe("pins", () => {
  it("RET-5 members pin and unpin; viewers may not, and to strangers there is no such session", async () => {
    await insert("keep");
    const path = "/v1/sessions/keep/pin";
    expect((await call("PUT", path, { identity: personWith({ [shop]: "viewer" }) })).status).toBe(403);
    const stranger = { identity: personWith({ [blog]: "owner" }) };
    expect(await call("PUT", path, stranger)).toEqual(await call("PUT", "/v1/sessions/none/pin", stranger));
    const member = { identity: personWith({ [shop]: "member" }) };
    for (let i = 0; i < 2; i++) {
      expect((await call("PUT", path, member)).json).toEqual({ sessionId: "keep", pinnedAt: NOON });
    }
    expect(await test.database.query("SELECT pinned_by FROM sessions")).toEqual([{ pinned_by: 1 }]);
    expect((await call("DELETE", path, member)).json).toEqual({ sessionId: "keep", pinnedAt: null });
    expect(await test.database.query("SELECT pinned_at, pinned_by FROM sessions")).toEqual([
      { pinned_at: null, pinned_by: null },
    ]);
    expect(await audited()).toMatchObject([
      { action: "session_pinned", subject_id: "keep", person_id: "ada", project_id: shop, actor_name: "a@example.com" },
      { action: "session_unpinned", subject_id: "keep" },
    ]);
  });
});

describe("a pin during a clean-up", () => {
  it("RET-5 waits for the exchange of a day's tables, and keeps no session whose batches went with them", async () => {
    for (const id of ["gone", "kept"]) await insert(id);
    await test.database.query("UPDATE sessions SET batch_count = 1");
    const identity = personWith({ [shop]: "member" });
    const pins: Promise<{ status: number }>[] = [];
    await test.database.transaction(async (tx) => {
      await tx.query("SELECT pg_advisory_xact_lock(7420003)");
      for (const id of ["gone", "kept"]) pins.push(call("PUT", `/v1/sessions/${id}/pin`, { identity }));
      await lockWaiters(test, pins.length);
      await tx.query("DELETE FROM session_events WHERE session_id = 'gone'");
    });
    expect((await Promise.all(pins)).map(({ status }) => status)).toEqual([404, 200]);
    expect(await test.database.query("SELECT session_id FROM sessions WHERE pinned_at IS NOT NULL")).toEqual([
      { session_id: "kept" },
    ]);
  });
});

describe("erasing a session", () => {
  it("RET-10 takes an admin of its project, removes it from every table and nothing else, and leaves a tombstone", async () => {
    for (const id of ["doomed", "spared"]) await insert(id);
    const path = "/v1/sessions/doomed";
    expect((await call("DELETE", path, { identity: personWith({ [shop]: "member" }) })).status).toBe(403);
    const stranger = { identity: personWith({ [blog]: "owner" }) };
    expect(await call("DELETE", path, stranger)).toEqual(await call("DELETE", "/v1/sessions/none", stranger));
    await call("PUT", `${path}/pin`, { identity: personWith({ [shop]: "member" }) });
    const answer = await call("DELETE", path, { identity: personWith({ [shop]: "admin" }) });
    expect(answer.json).toMatchObject({ erased: true, sessions: 1, batches: 1, markers: 1, errors: 1 });
    expect(room.letGo).toEqual(["doomed"]);
    expect(await everywhere()).toEqual(SESSION_TABLES.map(() => ["spared"]));
    expect(await test.database.query("SELECT session_id, project_id FROM tombstones")).toEqual([
      { session_id: "doomed", project_id: shop },
    ]);
    expect(await audited()).toMatchObject([
      { action: "session_pinned", subject_id: null, person_id: null, actor_name: "a@example.com" },
      { action: "session_erased", subject_id: "", person_id: null, data: { batches: 1 } },
    ]);
    expect((await call("DELETE", path, { identity: personWith({ [shop]: "admin" }) })).status).toBe(404);
  });

  it("RET-10 is done a second time, and before the server stops, for what was written at the same moment", async () => {
    const late = (seq: number) =>
      insertBatch(test.database, {
        ...{ sessionId: "doomed", startedOn: DAY, projectId: shop, tab: "main", seq },
        events: checkoutEvents(NOON, "late"),
      });
    await insert("doomed");
    const identity = personWith({ [shop]: "owner" });
    await call("DELETE", "/v1/sessions/doomed", { identity });
    await late(1);
    clock.advance(5_000);
    await expect.poll(() => idsIn(test, "session_events")).toEqual([]);
    await insert("doomed");
    await call("DELETE", "/v1/sessions/doomed", { identity });
    await late(2);
    await room.stop();
    expect(await idsIn(test, "session_events")).toEqual([]);
    // What a process that died left behind goes with the next clean-up.
    await late(3);
    await room.cleanUp();
    expect(await idsIn(test, "session_events")).toEqual([]);
  });
});

describe("erasing a person", () => {
  it("RET-10 takes every session of that user id in the project, in chunks, and no other", async () => {
    for (let i = 0; i < 3; i++) await insert(`ada-${i}`);
    await test.database.query(
      `INSERT INTO sessions (session_id, project_id, started_on, resume_hash, status, user_id, started_at, last_at)
       SELECT 'many-' || n, $1, $2, '\\x00', 'ended', 'ada', now(), now() FROM generate_series(1, 450) n`,
      [shop, DAY],
    );
    await insert("hers-elsewhere", blog);
    await insert("bobs", shop, "bob");
    await test.database.query(
      `INSERT INTO audit_log (action, actor_kind, project_id, subject_kind, subject_id, person_id, data) VALUES
        ('session_watched', 'user', $1, 'session', 'long-gone', 'ada', '{}'),
        ('session_exported', 'user', $1, 'session', 'also-gone', NULL, '{"filter": {"users": ["ada", "bob"]}}'),
        ('session_watched', 'user', $2, 'session', 'hers-elsewhere', 'ada', '{}')`,
      [shop, blog],
    );
    const path = `/v1/projects/${shop}/people/ada`;
    expect((await call("GET", path, { identity: personWith({ [shop]: "viewer" }) })).json).toMatchObject({
      ...{ userId: "ada", sessions: 453, errors: 3, openSessions: 0 },
    });
    expect((await call("GET", path, { identity: personWith({ [blog]: "owner" }) })).status).toBe(404);
    expect((await call("DELETE", path, { identity: personWith({ [blog]: "owner" }) })).status).toBe(404);
    expect((await call("DELETE", path, { identity: personWith({ [shop]: "member" }) })).status).toBe(403);
    const answer = await call("DELETE", path, { identity: personWith({ [shop]: "admin" }) });
    expect(answer.json).toMatchObject({ erased: true, sessions: 453, batches: 3, errors: 3 });
    expect(await everywhere()).toEqual(SESSION_TABLES.map(() => ["bobs", "hers-elsewhere"]));
    expect(await audited()).toMatchObject([
      { action: "session_watched", project_id: shop, subject_id: null, person_id: null },
      { action: "session_exported", project_id: shop, subject_id: "also-gone", data: {} },
      { action: "session_watched", project_id: blog, subject_id: "hers-elsewhere", person_id: "ada" },
      { action: "person_erased", project_id: shop, subject_id: "", person_id: null, data: { sessions: 453 } },
    ]);
    expect((await call("DELETE", path, { identity: personWith({ [shop]: "admin" }) })).json).toMatchObject({ sessions: 0 });
  });
});

describe("the audit log of an erasure", () => {
  it("RET-22 loses nothing that is about somebody or something else, whatever sessions and persons are called", async () => {
    const kept = [
      ["key_made", blog, "key", "1a2b3c4d", null, { name: "1a2b3c4d" }],
      ["session_watched", blog, "session", "1a2b3c4d", "ada", { by: "feed" }],
      ["token_made", shop, "token", "1a2b3c4d", null, { name: "owner" }],
      ["member_role_changed", shop, "user", "owner", null, { email: "owner", from: "viewer", to: "owner" }],
      ["project_changed", shop, "project", "owner", null, { retentionDays: "owner" }],
    ] as const;
    for (const entry of kept) {
      await test.database.query(
        `INSERT INTO audit_log (action, actor_kind, project_id, subject_kind, subject_id, person_id, data)
         VALUES ($1, 'user', $2, $3, $4, $5, $6)`,
        entry,
      );
    }
    await insert("1a2b3c4d");
    const identity = personWith({ [shop]: "owner" });
    expect((await call("DELETE", "/v1/sessions/1a2b3c4d", { identity })).status).toBe(200);
    expect((await call("DELETE", `/v1/projects/${shop}/people/owner`, { identity })).status).toBe(200);
    expect((await audited()).slice(0, kept.length)).toEqual(
      kept.map(([action, project_id, , subject_id, person_id, data]) => ({
        ...{ action, actor_name: "", project_id, subject_id, person_id, data },
      })),
    );
  });
});

describe("a session of several people", () => {
  it("RET-21 goes with any of them: also with one who had signed out, or was followed by another", async () => {
    await insert("hers-then-his", shop, "bob");
    await insert("hers-then-nobodys", shop, "nobody");
    await insert("his", shop, "bob");
    await insert("hers-elsewhere", blog, "bob");
    await test.database.query("UPDATE sessions SET user_id = NULL WHERE user_id = 'nobody'");
    await test.database.query(
      "INSERT INTO session_people VALUES ('hers-then-his', 'ada'), ('hers-then-nobodys', 'ada'), ('hers-elsewhere', 'ada')",
    );
    const identity = personWith({ [shop]: "admin" });
    const path = `/v1/projects/${shop}/people/ada`;
    expect((await call("GET", path, { identity })).json).toMatchObject({ sessions: 2, errors: 2 });
    expect((await call("DELETE", path, { identity })).json).toMatchObject({ erased: true, sessions: 2, batches: 2 });
    expect(await everywhere()).toEqual(SESSION_TABLES.map(() => ["hers-elsewhere", "his"]));
    expect(await idsIn(test, "session_people")).toEqual(["hers-elsewhere"]);
  });
});

describe("what is on its way", () => {
  const rowOf = (sessionId: string, seq: number) => batchRow({ sessionId, seq, projectId: shop });
  const seqsOf = async (sessionId: string) =>
    (
      await test.database.query<{ seq: number }>("SELECT seq FROM session_events WHERE session_id = $1 ORDER BY seq", [sessionId])
    ).map(({ seq }) => seq);

  /** A process: a store with one lane, and a retention that knows it. */
  async function startProcess(): Promise<WatchedStore & { room: RetentionRoom }> {
    const watched = await startStore(test.database, test.connection, { lanes: 1, maxBatchesPerCommit: 4 });
    const own = createRetentionRoom(test, clock, {
      holder: { letGo: (ids) => watched.store.forget(new Set(ids)), openSessionsOf: () => [] },
    });
    return { ...watched, room: own };
  }

  it("RET-10 a COPY under way is waited for, what waits behind it is thrown away, and others are written", async () => {
    const one = await startProcess();
    await insert("doomed");
    await withClient(test.connection, async (blocker) => {
      await blocker.query("BEGIN; LOCK TABLE session_events_20261120 IN SHARE MODE");
      for (let seq = 1; seq <= 12; seq++) for (const id of ["doomed", "spared"]) one.store.append(rowOf(id, seq));
      await lockWaiters(test, 1);
      const erasing = createCaller(one.room.routes)("DELETE", "/v1/sessions/doomed", {
        identity: personWith({ [shop]: "admin" }),
      });
      // More of others may come; of this one nothing does, because ingest lets it go first.
      for (let seq = 13; seq <= 15; seq++) one.store.append(rowOf("spared", seq));
      await blocker.query("COMMIT");
      expect((await erasing).json).toMatchObject({ erased: true, sessions: 1 });
    });
    await one.store.drain(5_000);
    expect(await seqsOf("doomed")).toEqual([]);
    expect(await seqsOf("spared")).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
    expect(one.durable.filter(({ sessionId }) => sessionId === "doomed").length).toBeLessThan(12);
    expect(one.store.status().pendingBytes).toBe(0);
    await one.room.stop();
  });

  it("RET-10 another process hears of it, lets go, and removes what it wrote meanwhile", async () => {
    const [one, other] = [await startProcess(), await startProcess()];
    await other.room.start();
    await insert("doomed");
    await createCaller(one.room.routes)("DELETE", "/v1/sessions/doomed", { identity: personWith({ [shop]: "admin" }) });
    for (let seq = 1; seq <= 3; seq++) other.store.append(rowOf("doomed", seq));
    await waitFor(() => other.durable.length === 3);
    expect(await seqsOf("doomed")).toEqual([1, 2, 3]);
    clock.advance(1_000);
    await expect.poll(() => seqsOf("doomed")).toEqual([]);
    for (const each of [one, other]) {
      await each.store.drain(1_000);
      await each.room.stop();
    }
  });

  it("RET-10 the way of rows that are there already takes none of an erased session", async () => {
    const one = await startProcess();
    await insert("doomed");
    one.store.append(rowOf("spared", 1));
    await waitFor(() => one.durable.length === 1);
    await createCaller(one.room.routes)("DELETE", "/v1/sessions/doomed", { identity: personWith({ [shop]: "admin" }) });
    one.store.append(rowOf("spared", 1));
    one.store.append(rowOf("doomed", 1));
    one.store.append(rowOf("spared", 2));
    await one.store.drain(5_000);
    expect(one.store.status().conflicts).toBeGreaterThan(0);
    expect([await seqsOf("doomed"), await seqsOf("spared")]).toEqual([[], [1, 2]]);
    await one.room.stop();
  });

  it("STO-21 an erased id is not opened again, by nobody and in no project", async () => {
    const one = await startProcess();
    const open = (projectId: number, token?: number) =>
      one.store.openSession(openingOf("doomed", "main", token === undefined ? { projectId } : { projectId, token }));
    expect((await open(shop)).kind).toBe("created");
    await createCaller(one.room.routes)("DELETE", "/v1/sessions/doomed", { identity: personWith({ [shop]: "admin" }) });
    expect(await open(shop)).toEqual({ kind: "erased" });
    expect(await open(shop, 9)).toEqual({ kind: "erased" });
    expect(await open(blog)).toEqual({ kind: "foreign" });
    expect(await idsIn(test, "sessions")).toEqual([]);
    expect(await idsIn(test, "session_tabs")).toEqual([]);
    await one.store.drain(1_000);
    await one.room.stop();
  });

  it("RET-12 batches come in while days are cleaned, and none is lost", async () => {
    const one = await startProcess();
    await test.database.query("UPDATE projects SET retention_days = 1 WHERE id = $1", [shop]);
    const old = ["2026-11-10", "2026-11-11", "2026-11-12", "2026-11-13"];
    for (const day of old) {
      await insertVisit(test, { sessionId: `first-${day}`, projectId: shop, startedOn: day });
      await test.database.query(
        `INSERT INTO sessions (session_id, project_id, started_on, resume_hash, status, started_at, last_at, pinned_at)
         SELECT $2 || '-' || n, $1, $2::date, '\\x00', 'ended', now(), now(), CASE WHEN n % 10 = 0 THEN now() END
         FROM generate_series(1, 2000) n`,
        [shop, day],
      );
      await test.database.query(
        `INSERT INTO session_events (session_id, tab, seq, started_on, received_at, first_at, last_at, event_count, checkout, encoding, raw_bytes, payload)
         SELECT $1 || '-' || n, 'main', 0, $1::date, now(), 0, 1, 1, true, 0, 1, convert_to(repeat('x', 2000), 'UTF8') FROM generate_series(1, 2000) n`,
        [day],
      );
    }
    const over = new AbortController();
    let seq = 0;
    const sending = (async () => {
      while (!over.signal.aborted) {
        if (one.store.status().pendingBatches < 50 && one.store.append(rowOf("going", seq))) seq++;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const report = await one.room.cleanUp();
    over.abort();
    await sending;
    await one.store.drain(10_000);
    expect(report).toMatchObject({ sessions: 4 * 1_801, thinned: old, postponed: [] });
    expect(await seqsOf("going")).toEqual(Array.from({ length: seq }, (_, i) => i));
    expect(seq).toBeGreaterThan(100);
    expect(one.refused).toEqual([]);
    for (const table of ["sessions", "session_events"]) {
      expect((await idsIn(test, table)).filter((id) => id.startsWith("2026"))).toHaveLength(800);
    }
    await one.room.stop();
  });
});
