import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { createLedger } from "../../bench/load/ledger.ts";
import { buildMinified } from "../../bench/load/minified.ts";
import { createEvents, send } from "../../bench/load/sdk-traffic.ts";
import { ROOT } from "../../bench/processes.ts";
import { startWatchback, type Watchback } from "../../bench/rig.ts";
import { createDatabase } from "../../server/db/pool.ts";
import type { Database } from "../../server/db/db.ts";
import { quietLog, startCluster, type TestCluster } from "../harness/postgres.ts";
import { waitFor } from "../harness/wait.ts";

const KEY = "0123456789abcdef0123456789abcdef";
const ENV = { DEFAULT_PROJECT_KEY: KEY, QUOTA_ERRORS_PER_MINUTE: "0", QUOTA_REPLAYS_PER_MINUTE: "0" };
const BULK = 1_500;
const LOAD = 500;

let cluster: TestCluster;
let db: Database;
let folder: string;
const running = new Set<Watchback>();

beforeAll(() => {
  const built = spawnSync(process.execPath, [path.join(ROOT, "bin/build.mjs"), "--quiet", "server"], { cwd: ROOT });
  if (built.status !== 0) throw new Error(built.stderr.toString());
});
beforeEach(async () => {
  cluster = await startCluster();
  db = createDatabase({ connection: cluster.connection, log: quietLog });
  folder = mkdtempSync(path.join(tmpdir(), "wb-digest-"));
});
afterEach(async () => {
  for (const one of running) await one.kill();
  running.clear();
  await db.stop();
  await cluster.remove();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(() => {
  expect(running.size).toBe(0);
});

async function start(name: string): Promise<Watchback> {
  const one = await startWatchback(cluster.connection, path.join(folder, name), ENV);
  running.add(one);
  return one;
}

async function kill(one: Watchback): Promise<void> {
  running.delete(one);
  await one.kill();
}

async function count(sql: string): Promise<number> {
  return (await db.query<{ n: number }>(`SELECT count(*)::integer AS n FROM ${sql}`))[0]?.n ?? 0;
}
const waiting = () => count("intake WHERE dead_at IS NULL");
/** What a dead process had claimed is waited for two minutes; here its claims run out at once, and those of the living that are not written now. */
const expireClaims = () =>
  db.query(
    `UPDATE intake SET due_at = now() WHERE intake_id IN (
       SELECT intake_id FROM intake WHERE attempts > 0 AND dead_at IS NULL FOR UPDATE SKIP LOCKED)`,
  );

/** Does something while digests stand still in the middle, however fast they are: what they write to is locked, and somebody waits for it. */
const inTheMiddle = (work: () => Promise<unknown>) =>
  db.transaction(async (tx) => {
    await tx.query("LOCK TABLE occurrences IN SHARE MODE");
    await waitFor(async () => (await tx.query("SELECT 1 FROM pg_locks WHERE NOT granted")).length > 0);
    await work();
  });

it(
  "DIG-12, DIG-13 hold for two processes on one database, of which each is killed in the middle of a digest",
  { timeout: 300_000 },
  async () => {
    const script = await buildMinified();
    const release = "shop@1";
    const ledger = createLedger(
      createEvents({ script, scriptUrl: "https://shop.example/app.js", debugId: randomUUID(), release }),
    );
    const post = async (to: Watchback, envelopes: number) => {
      const url = new URL(`/api/1/envelope/?sentry_key=${KEY}`, to.origin);
      const sent = await send(url, ledger.next, { count: envelopes, connections: 16 });
      expect(sent.refused).toEqual({});
    };
    const first = await start("first");
    const second = await start("second");
    const posted = Promise.all([post(first, BULK), post(second, BULK)]);
    await waitFor(async () => (await count("occurrences")) > 100, { everyMs: 5 });
    await inTheMiddle(async () => {
      await posted;
      expect(await waiting()).toBeGreaterThan(0);
      await Promise.all([kill(first), post(second, LOAD)]);
      await expireClaims();
    });
    await inTheMiddle(() => kill(second));
    const left = await waiting();
    expect(left).toBeGreaterThan(0);
    await start("third");
    await expireClaims();
    await waitFor(async () => (await waiting()) === 0, { timeoutMs: 200_000, what: () => `${left} rows to be digested` });
    const tallies = await ledger.compare(cluster.connection, 0);
    expect(tallies.filter(({ lost, twice }) => lost > 0 || twice > 0)).toEqual([]);
    expect(await count("intake")).toBe(0);
    expect(tallies[0]?.sent).toBeGreaterThan(1_000);
  },
);
