import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type TestDatabase, createTestDatabase } from "../../test/harness/postgres.ts";
import { DAY, T0, type WatchedStore, batchRow, readSeqs, startStore } from "../../test/harness/store.ts";
import { waitFor } from "../../test/harness/wait.ts";
import { withClient } from "../db/connection.ts";
import { errorId, toUuidText } from "./error-id.ts";
import type { StoreDeps } from "./store.ts";

let test: TestDatabase;
const open: WatchedStore[] = [];

beforeAll(async () => {
  test = await createTestDatabase();
});

afterEach(async () => {
  for (const { store } of open.splice(0)) await store.drain(1_000);
});

afterAll(async () => {
  await test.drop();
});

async function start(options: Partial<StoreDeps> = {}): Promise<WatchedStore> {
  const watched = await startStore(test.database, test.connection, options);
  open.push(watched);
  return watched;
}

/** Lets Postgres do something for each row that goes into `session_events`, until the returned function is called. */
async function onInsert(body: string): Promise<() => Promise<void>> {
  const define = (inner: string) =>
    test.database.query(
      `CREATE OR REPLACE FUNCTION probe() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${inner} RETURN NEW; END $$`,
    );
  await define(body);
  await test.database.query(
    "CREATE OR REPLACE TRIGGER probe BEFORE INSERT ON session_events FOR EACH ROW EXECUTE FUNCTION probe()",
  );
  return async () => {
    await define("");
  };
}

describe("writing", () => {
  it("STO-5 a batch is durable when it is told so, and its row holds what was appended", async () => {
    const { store, durable } = await start();
    const payload = Uint8Array.from({ length: 256 }, (_, i) => i);
    store.append(batchRow({ sessionId: "plain", seq: 0, payload, encoding: "deflate-raw", rawBytes: 999, checkout: true }));
    await waitFor(() => durable.length === 1);
    const rows = await test.database.query("SELECT * FROM session_events WHERE session_id = 'plain'");
    expect(rows).toEqual([
      {
        session_id: "plain",
        tab: "tab-1",
        seq: 0,
        started_on: DAY,
        received_at: new Date(T0),
        first_at: T0,
        last_at: T0 + 900,
        event_count: 3,
        checkout: true,
        encoding: 1,
        raw_bytes: 999,
        object_key: null,
        object_offset: null,
        object_length: null,
        payload: Buffer.from(payload),
      },
    ]);
  });

  it("STO-5 commits wait for the disk even where the database's default is not to", async () => {
    await withClient(test.connection, async (admin) => {
      const { rows } = await admin.query<{ name: string }>("SELECT current_database() AS name");
      await admin.query(`ALTER DATABASE ${rows[0]?.name ?? ""} SET synchronous_commit = off`);
    });
    const remove = await onInsert("NEW.object_key := current_setting('synchronous_commit');");
    const { store, durable } = await start();
    store.append(batchRow({ sessionId: "synchronous" }));
    await waitFor(() => durable.length === 1);
    await remove();
    expect(await test.database.query("SELECT object_key FROM session_events WHERE session_id = 'synchronous'")).toEqual([
      { object_key: "on" },
    ]);
  });

  it.each([1, 2])("STO-6 with %d lanes a tab's batches become durable in order, and all of them once", async (lanes) => {
    const { store, durable } = await start({ lanes, maxBatchesPerCommit: 7 });
    const ids = Array.from({ length: 10 }, (_, i) => `order-${lanes}-${i}`);
    for (let seq = 0; seq < 30; seq++) for (const sessionId of ids) store.append(batchRow({ sessionId, seq }));
    await waitFor(() => durable.length === 300);
    const all = Array.from({ length: 30 }, (_, seq) => seq);
    for (const sessionId of ids) {
      expect(durable.filter((row) => row.sessionId === sessionId).map(({ seq }) => seq)).toEqual(all);
      expect(await readSeqs(test.database, sessionId)).toEqual(all);
    }
  });

  it("STO-7, STO-13 what waits for a late commit goes into the next, within the bounds of one; the store is slow", async () => {
    const { store, durable, commits, states } = await start({ maxBatchesPerCommit: 50, maxBytesPerCommit: 1_000_000 });
    await withClient(test.connection, async (other) => {
      await other.query("BEGIN");
      await other.query("LOCK TABLE session_events IN SHARE MODE");
      store.append(batchRow({ sessionId: "group", seq: 0 }));
      await waitFor(async () => {
        const rows = await test.database.query(
          // Tables of all tests have the same number: all come from one template.
          `SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'session_events'::regclass
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        );
        return rows.length > 0;
      });
      for (let seq = 1; seq <= 120; seq++) store.append(batchRow({ sessionId: "group", seq }));
      await waitFor(() => states.includes("slow"));
      await other.query("ROLLBACK");
    });
    await waitFor(() => durable.length === 121);
    expect(commits).toEqual([1, 50, 50, 20]);
    store.append(batchRow({ sessionId: "group-large", seq: 0, payload: new Uint8Array(700_000) }));
    store.append(batchRow({ sessionId: "group-large", seq: 1, payload: new Uint8Array(700_000) }));
    await waitFor(() => durable.length === 123);
    expect(commits.slice(4)).toEqual([1, 1]);
  });

  it("STO-7 with a gathering time, batches that come within it share a commit", async () => {
    const { store, durable, commits } = await start({ gatherMs: 200 });
    store.append(batchRow({ sessionId: "gather", seq: 0 }));
    await new Promise((resolve) => setImmediate(resolve));
    store.append(batchRow({ sessionId: "gather", seq: 1 }));
    await waitFor(() => durable.length === 2);
    expect(commits).toEqual([2]);
  });

  it("STO-2 markers and occurrences are written with their batch", async () => {
    const { store, durable } = await start();
    const markers = [
      { kind: "click" as const, at: T0 + 1, name: "button", text: "Buy", data: { x: 1.5, y: 2 } },
      { kind: "error" as const, at: T0 + 2, name: "TypeError", text: "a\u0000b \ud800", stack: "at f", data: { handled: false } },
    ];
    store.append(batchRow({ sessionId: "marked", seq: 4, markers }));
    await waitFor(() => durable.length === 1);
    const stored = await test.database.query(
      "SELECT seq, ordinal, kind, at, name, text, data FROM session_markers WHERE session_id = 'marked'",
    );
    expect(stored).toEqual([
      { seq: 4, ordinal: 0, kind: "click", at: T0 + 1, name: "button", text: "Buy", data: { x: 1.5, y: 2 } },
      { seq: 4, ordinal: 1, kind: "error", at: T0 + 2, name: "TypeError", text: "ab \ufffd", data: { handled: false } },
    ]);
    const errors = await test.database.query(
      "SELECT error_id, ordinal, type, message, stack, url FROM session_errors WHERE session_id = 'marked'",
    );
    expect(errors).toEqual([
      {
        error_id: toUuidText(errorId("marked", "tab-1", 4, 1)),
        ordinal: 1,
        type: "TypeError",
        message: "ab \ufffd",
        stack: "at f",
        url: "https://shop.example/",
      },
    ]);
  });
});

describe("doubles", () => {
  it("STO-8 a batch that is appended twice, in one commit or in two, by one process or two, is stored once", async () => {
    const a = await start();
    const b = await start();
    for (let seq = 0; seq < 5; seq++) a.store.append(batchRow({ sessionId: "double", seq }));
    a.store.append(batchRow({ sessionId: "double", seq: 4 }));
    await waitFor(() => a.durable.length === 6);
    for (let seq = 3; seq < 8; seq++) b.store.append(batchRow({ sessionId: "double", seq }));
    await waitFor(() => b.durable.length === 5);
    expect(await readSeqs(test.database, "double")).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(a.store.status().conflicts + b.store.status().conflicts).toBe(2);
    expect([...a.refused, ...b.refused]).toEqual([]);
  });

  it("STO-8 the first of two different batches with one key stays, with its markers and no others", async () => {
    const { store, durable } = await start();
    const error = { kind: "error" as const, at: T0, name: "First" };
    store.append(batchRow({ sessionId: "first", payload: Buffer.from("first"), markers: [error] }));
    await waitFor(() => durable.length === 1);
    const late = [
      { ...error, name: "Second" },
      { ...error, name: "Third" },
    ];
    store.append(batchRow({ sessionId: "first", payload: Buffer.from("second"), markers: late }));
    store.append(batchRow({ sessionId: "first", seq: 1, markers: [{ ...error, name: "Fourth" }] }));
    await waitFor(() => durable.length === 3);
    const rows = await test.database.query("SELECT seq, payload FROM session_events WHERE session_id = 'first' ORDER BY seq");
    expect(rows).toMatchObject([{ payload: Buffer.from("first") }, { seq: 1 }]);
    for (const [table, column] of [
      ["session_markers", "name"],
      ["session_errors", "type"],
    ] as const) {
      const stored = await test.database.query(
        `SELECT ${column} AS name FROM ${table} WHERE session_id = 'first' ORDER BY seq, ordinal`,
      );
      expect(stored).toEqual([{ name: "First" }, { name: "Fourth" }]);
    }
  });
});

describe("errors", () => {
  it("STO-22 come into the intake with their batch, once, however often it is sent and wherever its rows are moved", async () => {
    const { store, durable } = await start();
    const markers = [
      { kind: "click" as const, at: T0 },
      { kind: "error" as const, at: T0, name: "One", causes: [{ name: "Two", text: "why", source: "cause", of: 0 }] },
      { kind: "error" as const, at: T0 + 1, name: "Three" },
    ];
    const row = () => batchRow({ sessionId: "taken", seq: 7, markers });
    for (let times = 1; times <= 3; times++) {
      store.append(row());
      if (times > 1) store.append(batchRow({ sessionId: "taken", seq: 7 + times }));
      const expected = 2 * times - 1;
      await waitFor(() => durable.length === expected);
    }
    const heads = await test.database.query(
      "SELECT head, kind, body, received_at, project_id FROM intake WHERE head ->> 'session_id' = 'taken' ORDER BY intake_id",
    );
    const shared = { kind: "tracker_error", body: null, received_at: new Date(row().receivedAt), project_id: 1 };
    expect(heads).toEqual(
      [1, 2].map((ordinal) => ({
        ...shared,
        head: { session_id: "taken", tab: "tab-1", seq: 7, ordinal, started_on: DAY },
      })),
    );
    expect(await test.database.query("SELECT data FROM session_errors WHERE session_id = 'taken' ORDER BY ordinal")).toEqual([
      { data: { causes: [{ name: "Two", text: "why", source: "cause", of: 0 }] } },
      { data: {} },
    ]);
  });
});

describe("batches that Postgres refuses", () => {
  it("STO-9 are put aside and told; the others are written, in order", async () => {
    const { store, durable, refused } = await start();
    const bad = new Set([0, 17, 18, 39]);
    for (let seq = 0; seq < 40; seq++) {
      store.append(batchRow({ sessionId: "poison", seq, tab: bad.has(seq) ? `nul\u0000${seq}` : "tab-1" }));
    }
    store.append(batchRow({ sessionId: "poison", seq: 2 ** 33 }));
    await waitFor(() => durable.length + refused.length === 41);
    expect(refused.map(({ batch }) => batch.seq)).toEqual([0, 17, 18, 39, 2 ** 33]);
    expect(refused[0]?.reason).toContain("22021");
    const good = Array.from({ length: 40 }, (_, seq) => seq).filter((seq) => !bad.has(seq));
    expect(durable.map(({ seq }) => seq)).toEqual(good);
    expect(await readSeqs(test.database, "poison")).toEqual(good);
    expect(store.status()).toMatchObject({ refusedBatches: 5, pendingBatches: 0, pendingBytes: 0, state: "ok" });
  });

  it("STO-9 where only the markers are refused, the batch itself is kept", async () => {
    const { store, durable, refused } = await start();
    store.append(batchRow({ sessionId: "bad-marker", seq: 0, projectId: 2 ** 40, markers: [{ kind: "click", at: T0 }] }));
    store.append(batchRow({ sessionId: "bad-marker", seq: 1 }));
    await waitFor(() => durable.length === 2);
    expect(await readSeqs(test.database, "bad-marker")).toEqual([0, 1]);
    expect(await test.database.query("SELECT 1 FROM session_markers WHERE session_id = 'bad-marker'")).toEqual([]);
    expect(refused).toEqual([]);
    expect(store.status().refusedBatches).toBe(1);
  });

  it.each([
    ["53100", "the disk is full"],
    ["58030", "the disk fails"],
    ["25006", "the server only reads"],
    ["42501", "a right is missing"],
    ["XX000", "nobody knows"],
  ])("STO-10 with SQLSTATE %s (%s) nothing is put aside: the store is down and goes on by itself", async (code) => {
    const { store, durable, refused, states } = await start();
    const remove = await onInsert(`IF NEW.session_id LIKE 'full%' THEN RAISE EXCEPTION 'no' USING ERRCODE = '${code}'; END IF;`);
    for (let seq = 0; seq < 5; seq++) store.append(batchRow({ sessionId: `full-${code}`, seq }));
    await waitFor(() => states.includes("down"));
    expect(store.status()).toMatchObject({ state: "down", pendingBatches: 5 });
    await remove();
    await waitFor(() => durable.length === 5);
    expect(refused).toEqual([]);
    // It is slow first where the commit took long.
    await waitFor(() => states.at(-1) === "ok");
    expect(await readSeqs(test.database, `full-${code}`)).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("the buffer", () => {
  it("STO-11 at its limit append says no and takes nothing, until there is room again", async () => {
    const { store, durable } = await start({ maxPendingBytes: 100_000 });
    const big = { sessionId: "bounded", payload: new Uint8Array(30_000) };
    const taken = [0, 1, 2, 3, 4].map((seq) => store.append(batchRow({ ...big, seq })));
    expect(taken).toEqual([true, true, true, false, false]);
    expect(store.status().pendingBytes).toBeLessThanOrEqual(100_000);
    await waitFor(() => durable.length === 3);
    expect(store.append(batchRow({ ...big, seq: 3 }))).toBe(true);
    await waitFor(() => durable.length === 4);
    expect(await readSeqs(test.database, "bounded")).toEqual([0, 1, 2, 3]);
    expect(store.status().pendingBytes).toBe(0);
  });

  it("STO-11 an empty buffer takes a batch that is larger than its limit", async () => {
    const { store, durable } = await start({ maxPendingBytes: 1_000 });
    expect(store.append(batchRow({ sessionId: "huge", payload: new Uint8Array(5_000_000) }))).toBe(true);
    await waitFor(() => durable.length === 1);
  });

  it("STO-12 drain writes what is held, and takes nothing more", async () => {
    const { store, durable } = await start({ maxBatchesPerCommit: 10 });
    for (let seq = 0; seq < 100; seq++) store.append(batchRow({ sessionId: "drained", seq }));
    expect(await store.drain(10_000)).toBe(0);
    expect(durable).toHaveLength(100);
    expect(store.append(batchRow({ sessionId: "drained", seq: 100 }))).toBe(false);
  });

  it("STO-12 drain gives up in time, and tells how much", async () => {
    const { store, durable } = await start();
    await withClient(test.connection, async (other) => {
      await other.query("BEGIN");
      await other.query("LOCK TABLE session_events IN SHARE MODE");
      for (let seq = 0; seq < 3; seq++) store.append(batchRow({ sessionId: "late", seq }));
      expect(await store.drain(100)).toBe(3);
      await other.query("ROLLBACK");
    });
    expect(durable).toEqual([]);
  });
});

describe("partitions", () => {
  it("STO-14 today's and tomorrow's are there from the start, with small rows in line; another day's comes with its first batch", async () => {
    const { store, durable } = await start({
      clock: { now: () => T0, every: () => () => undefined, after: () => () => undefined },
    });
    const read = () =>
      test.database.query<{ name: string; options: string[] | null }>(
        "SELECT relname AS name, reloptions AS options FROM pg_class WHERE relname ~ '^session_events_2' AND relkind = 'r' ORDER BY 1",
      );
    const before = await read();
    expect(before).toContainEqual({ name: "session_events_20261120", options: ["toast_tuple_target=8160"] });
    expect(before).toContainEqual({ name: "session_events_20261121", options: ["toast_tuple_target=8160"] });
    store.append(batchRow({ sessionId: "old", startedOn: "2024-02-29", markers: [{ kind: "error", at: T0 }] }));
    await waitFor(() => durable.length === 1);
    expect(await read()).toContainEqual({ name: "session_events_20240229", options: ["toast_tuple_target=8160"] });
  });

  it("STO-14 one that was dropped is made again", async () => {
    const { store, durable } = await start();
    store.append(batchRow({ sessionId: "dropped", startedOn: "2025-01-31" }));
    await waitFor(() => durable.length === 1);
    await test.database.query("DROP TABLE session_events_20250131");
    store.append(batchRow({ sessionId: "dropped", startedOn: "2025-01-31", seq: 1 }));
    await waitFor(() => durable.length === 2);
    expect(await readSeqs(test.database, "dropped")).toEqual([1]);
  });

  it("STO-14 several processes make them at once", async () => {
    const stores = await Promise.all([start(), start(), start()]);
    stores.forEach(({ store }, index) => store.append(batchRow({ sessionId: `at-once-${index}`, startedOn: "2025-06-01" })));
    await waitFor(() => stores.every(({ durable }) => durable.length === 1));
  });

  it("STO-14 a reader of the table does not hold them up", async () => {
    const { store, durable } = await start();
    await withClient(test.connection, async (reader) => {
      await reader.query("BEGIN");
      await reader.query("SELECT count(*) FROM session_events");
      store.append(batchRow({ sessionId: "beside-reader", startedOn: "2025-07-01" }));
      await waitFor(() => durable.length === 1);
      await reader.query("ROLLBACK");
    });
  });
});
