import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { quietLog, startCluster, type TestCluster } from "../../test/harness/postgres.ts";
import { waitFor } from "../../test/harness/wait.ts";
import type { Database } from "../db/db.ts";
import { createDatabase } from "../db/pool.ts";
import { createJobs, type Jobs } from "./jobs.ts";

let cluster: TestCluster;
let db: Database;
let jobs: Jobs;

beforeAll(async () => {
  cluster = await startCluster({ fsync: "off" });
  db = createDatabase({ connection: cluster.connection, log: quietLog, connectTimeoutMs: 10_000 });
});

afterEach(async () => {
  await jobs.stop();
});

afterAll(async () => {
  await db.stop();
  await cluster.remove();
});

const create = () => createJobs({ db, connection: cluster.connection, log: quietLog });

/** A job that says when it begins and ends when it is told to. */
function createGate() {
  const begun: unknown[] = [];
  let opened: () => void = () => undefined;
  const isOpen = new Promise<void>((resolve) => (opened = resolve));
  return {
    begun,
    open: () => {
      opened();
    },
    work: async (payload: unknown) => {
      begun.push(payload);
      await isOpen;
    },
  };
}

it("JOB-1 those that wait with the same key are one, and one that throws is done again", async () => {
  jobs = create();
  const done: unknown[] = [];
  let failures = 0;
  jobs.define("once", (payload) => {
    done.push(payload);
    return Promise.resolve();
  });
  jobs.define("fails", () => (failures++ === 0 ? Promise.reject(new Error("not now")) : Promise.resolve()));
  const runAt = new Date(Date.now() + 3_600_000);
  await jobs.start();
  await jobs.add("once", { n: 1 }, { key: "k", runAt });
  await jobs.add("once", { n: 2 }, { key: "k" });
  await jobs.add("fails", {});
  await waitFor(() => done.length > 0 && failures > 1);
  expect(done).toEqual([{ n: 2 }]);
});

it("JOB-2 those of a process that was killed are taken over, those of a live one are not", async () => {
  jobs = create();
  const done: unknown[] = [];
  jobs.define("held", (payload) => {
    done.push(payload);
    return Promise.resolve();
  });
  jobs.define("nothing", () => Promise.resolve());
  await jobs.start();
  await jobs.stop();
  for (const name of ["dead", "alive"]) await jobs.add("held", { name }, { key: name });
  await db.query(
    "UPDATE graphile_worker._private_jobs SET locked_by = 'worker-' || key, locked_at = now() - interval '5 minutes' WHERE key IN ('dead', 'alive')",
  );
  await db.query("INSERT INTO job_workers (worker_id, seen_at) VALUES ('worker-alive', now())");
  jobs = create();
  jobs.define("held", (payload) => {
    done.push(payload);
    return Promise.resolve();
  });
  await jobs.start();
  await waitFor(() => done.length > 0);
  expect(done).toEqual([{ name: "dead" }]);
});

it("JOB-3 all workers and queues go on when Postgres was away while jobs ended", { timeout: 90_000 }, async () => {
  jobs = create();
  const before = createGate();
  const after = createGate();
  jobs.define("before", before.work);
  jobs.define("after", after.work);
  await jobs.start();
  for (const n of [1, 2]) await jobs.add("before", { n }, { queue: `queue-${n}` });
  await waitFor(() => before.begun.length === 2);
  await cluster.stop("immediate");
  before.open();
  await cluster.start();
  await waitFor(() => db.isUp());
  // As many at once as there are workers.
  for (const n of [1, 2, 3]) await jobs.add("after", { n }, { queue: `queue-${n}` });
  await waitFor(() => after.begun.length === 3, { timeoutMs: 60_000, what: () => JSON.stringify(after.begun) });
  after.open();
});
