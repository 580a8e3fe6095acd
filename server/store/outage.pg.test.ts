import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type TestCluster, quietLog, startCluster } from "../../test/harness/postgres.ts";
import { type WatchedStore, batchRow, openingOf, readSeqs, startStore } from "../../test/harness/store.ts";
import { waitFor } from "../../test/harness/wait.ts";
import type { Database } from "../db/db.ts";
import { createDatabase } from "../db/pool.ts";
import type { StoreDeps } from "./store.ts";

let cluster: TestCluster;
let db: Database;
let watched: WatchedStore | undefined;

beforeAll(async () => {
  cluster = await startCluster();
});

beforeEach(async () => {
  await cluster.start();
  db = createDatabase({ connection: cluster.connection, log: quietLog });
  await db.query("TRUNCATE session_events, session_markers, session_errors, sessions, session_tabs");
});

afterEach(async () => {
  await watched?.store.drain(100);
  await db.stop();
});

afterAll(async () => {
  await cluster.remove();
});

async function start(options: Partial<StoreDeps> = {}): Promise<WatchedStore> {
  watched = await startStore(db, cluster.connection, options);
  return watched;
}

describe("while Postgres is away", () => {
  it.each(["fast", "immediate"] as const)("STO-10 (%s stop) batches are kept, and written when it is back", async (mode) => {
    const { store, durable, states, refused } = await start();
    for (let seq = 0; seq < 3; seq++) store.append(batchRow({ seq }));
    await waitFor(() => durable.length === 3);
    await cluster.stop(mode);
    await waitFor(() => states.at(-1) === "down");
    for (let seq = 3; seq < 10; seq++) expect(store.append(batchRow({ seq }))).toBe(true);
    expect(store.status()).toMatchObject({ state: "down", pendingBatches: 7 });
    await cluster.start();
    await waitFor(() => durable.length === 10);
    expect(durable.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await readSeqs(db, "session-1")).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await waitFor(() => states.at(-1) === "ok");
    // A commit may be slow, before and after.
    const since = states.slice(states.indexOf("down"));
    expect(since.filter((state) => state !== "slow")).toEqual(["down", "ok"]);
    expect(refused).toEqual([]);
  });

  it("STO-10 the store notices without traffic, and comes back without any", async () => {
    const { states } = await start();
    await cluster.stop();
    await waitFor(() => states.includes("down"));
    await cluster.start();
    await waitFor(() => states.at(-1) === "ok");
  });

  it("STO-11 what is held is bounded", async () => {
    const { store, durable } = await start({ maxPendingBytes: 50_000 });
    await cluster.stop();
    let taken = 0;
    while (store.append(batchRow({ seq: taken, payload: new Uint8Array(2_000) }))) taken++;
    expect(taken).toBeGreaterThan(15);
    expect(store.status().pendingBytes).toBeLessThanOrEqual(50_000);
    expect(durable).toEqual([]);
    await cluster.start();
    await waitFor(() => durable.length === taken);
    expect(store.append(batchRow({ seq: taken }))).toBe(true);
    await waitFor(() => durable.length === taken + 1);
  });

  it("STO-15 opening, saving and ending sessions say so, and work again afterwards", async () => {
    const { store } = await start();
    await cluster.stop();
    const failure = { kind: "store", retryAfterMs: 2_000 };
    await expect(store.openSession(openingOf("away", "a"))).rejects.toMatchObject(failure);
    await expect(store.saveProgress([])).resolves.toBeUndefined();
    store.append(batchRow({ sessionId: "away" }));
    await expect(store.endSessions([{ sessionId: "away", endedAt: 0, reason: "ended" }])).rejects.toMatchObject(failure);
    await expect(store.endSessions([{ sessionId: "away", endedAt: 0, reason: "ended" }])).rejects.toMatchObject(failure);
    await expect(store.endAbandoned(0)).rejects.toMatchObject(failure);
    await cluster.start();
    expect((await store.openSession(openingOf("away", "a"))).kind).toBe("created");
  });

  it("STO-12 drain tells what it could not write", async () => {
    const { store } = await start();
    await cluster.stop();
    store.append(batchRow({ seq: 0 }));
    store.append(batchRow({ seq: 1 }));
    expect(await store.drain(200)).toBe(2);
  });
});

describe("crashes under load", { timeout: 120_000 }, () => {
  it.each([1, 2])(
    "STO-5, STO-8 with %d lanes everything told durable is there, everything appended is there once",
    async (lanes) => {
      const sessions = Array.from({ length: 8 }, (_, i) => `crash-${lanes}-${i}`);
      const { store, durable } = await start({ lanes, maxBatchesPerCommit: 200 });
      const counts = new Map(sessions.map((id) => [id, 0]));
      const appendSome = () => {
        for (const sessionId of sessions) {
          for (let i = 0; i < 40; i++) {
            const seq = counts.get(sessionId) ?? 0;
            const payload = Buffer.from(`${sessionId} ${seq}`.padEnd(1_500, "."));
            if (store.append(batchRow({ sessionId, seq, payload, markers: [{ kind: "error", at: seq }] })))
              counts.set(sessionId, seq + 1);
          }
        }
      };
      for (let round = 0; round < 3; round++) {
        const before = durable.length;
        appendSome();
        await waitFor(() => durable.length > before, { everyMs: 1 });
        appendSome();
        // In the middle of what is under way.
        await cluster.stop("immediate");
        const told = durable.length;
        await cluster.start();
        const [row] = await db.query<{ count: number }>("SELECT count(*) FROM session_events");
        expect(row?.count).toBeGreaterThanOrEqual(told);
      }
      const appended = [...counts.values()].reduce((sum, count) => sum + count, 0);
      await waitFor(() => durable.length === appended);
      for (const [sessionId, count] of counts) {
        const seqs = Array.from({ length: count }, (_, seq) => seq);
        expect(durable.filter((row) => row.sessionId === sessionId).map(({ seq }) => seq)).toEqual(seqs);
        const rows = await db.query<{ seq: number; payload: Buffer }>(
          "SELECT seq, payload FROM session_events WHERE session_id = $1 ORDER BY seq",
          [sessionId],
        );
        expect(rows.map(({ seq }) => seq)).toEqual(seqs);
        expect(rows.every(({ seq, payload }) => payload.toString() === `${sessionId} ${seq}`.padEnd(1_500, "."))).toBe(true);
      }
      const [errors] = await db.query<{ count: number; different: number }>(
        "SELECT count(*), count(DISTINCT error_id) AS different FROM session_errors",
      );
      expect(errors).toEqual({ count: appended, different: appended });
    },
  );
});
