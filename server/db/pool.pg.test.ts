import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TestCluster, quietLog, startCluster } from "../../test/harness/postgres.ts";
import { waitFor } from "../../test/harness/wait.ts";
import { createBarePool, toConnectionString, withDatabase } from "./connection.ts";
import type { Database } from "./db.ts";
import { createDatabase } from "./pool.ts";

let cluster: TestCluster;
let db: Database;

beforeAll(async () => {
  cluster = await startCluster();
  db = createDatabase({ connection: cluster.connection, log: quietLog, maxConnections: 2 });
});

afterAll(async () => {
  await db.stop();
  await cluster.remove();
});

describe("the pool", () => {
  it("DB-6 gives counts as numbers, days as text, moments as dates, bytes as buffers", async () => {
    const [row] = await db.query(
      "SELECT 7::bigint AS n, '2026-11-20'::date AS day, 'epoch'::timestamptz AS at, '\\x01'::bytea AS bytes, '{\"a\":1}'::jsonb AS json",
    );
    expect(row).toEqual({ n: 7, day: "2026-11-20", at: new Date(0), bytes: Buffer.of(1), json: { a: 1 } });
  });

  it("DB-6 a URL, with the folder of a socket as well, leads to the same database as its parts", async () => {
    const name = async (connection: Parameters<typeof createDatabase>[0]["connection"]) => {
      const other = createDatabase({ connection, log: quietLog });
      const [row] = await other.query("SELECT current_database() AS name");
      await other.stop();
      return row;
    };
    const byUrl = { connectionString: toConnectionString(cluster.connection) };
    expect(await name(byUrl)).toEqual({ name: "watchback" });
    expect(await name(withDatabase(byUrl, "postgres"))).toEqual({ name: "postgres" });
    expect(await name(withDatabase(cluster.connection, "postgres"))).toEqual({ name: "postgres" });
    expect(toConnectionString({ host: "db.example", port: 5433, database: "a b", user: "u@x", password: "p:/" })).toBe(
      "postgres://u%40x:p%3A%2F@db.example:5433/a%20b",
    );
  });

  it("DB-7 a transaction commits when its work is done, and rolls back when it throws", async () => {
    await db.query("CREATE TABLE t (n integer)");
    await db.transaction((tx) => tx.query("INSERT INTO t VALUES (1)"));
    const failing = db.transaction(async (tx) => {
      await tx.query("INSERT INTO t VALUES (2)");
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    await expect(db.transaction((tx) => tx.query("SELECT 1 / 0"))).rejects.toThrow("division by zero");
    expect(await db.query("SELECT n FROM t")).toEqual([{ n: 1 }]);
  });

  it("DB-7 a stop resolves when every connection is closed, so that nothing is cut off by what is stopped next", async () => {
    const other = createDatabase({ connection: { ...withDatabase(cluster.connection, "postgres") }, log: quietLog });
    await Promise.all([
      other.query("SELECT pg_sleep(0.05)"),
      other.query("SELECT 1"),
      other.transaction((tx) => tx.query("SELECT 1")),
    ]);
    await other.stop();
    expect(
      await db.query("SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres' AND application_name = 'watchback'"),
    ).toEqual([{ count: 0 }]);
    await other.stop();
  });

  it("DB-8 a statement that takes too long fails", async () => {
    const hasty = createDatabase({ connection: cluster.connection, log: quietLog, statementTimeoutMs: 1_000 });
    await expect(hasty.query("SELECT pg_sleep(60)")).rejects.toMatchObject({ code: "57014" });
    await hasty.stop();
  });

  it("DB-9 a connection that a library holds and does not listen to is lost without an end of the process", async () => {
    const pool = createBarePool(cluster.connection, 1);
    const client = await pool.connect();
    const ended = new Promise((resolve) => client.once("end", resolve));
    const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    await db.query("SELECT pg_terminate_backend($1)", [rows[0]?.pid]);
    await ended;
    client.release(true);
    expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });

  it("DB-9 a crash of Postgres ends neither the process nor the pool", async () => {
    expect(await db.isUp()).toBe(true);
    const underWay = db.transaction((tx) => tx.query("SELECT pg_sleep(60)"));
    const failed = expect(underWay).rejects.toThrow();
    await waitFor(
      async () =>
        (
          await db.query(
            "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND state = 'active' AND pid <> pg_backend_pid()",
          )
        ).length > 0,
    );
    await cluster.stop("immediate");
    await failed;
    expect(await db.isUp()).toBe(false);
    await cluster.start();
    expect(await waitFor(() => db.isUp())).toBe(true);
    expect(await db.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});
