/**
 * Postgres is stopped for a minute under load, as by a crash, and started again. SDKs send errors (plain, behind gzip, with files, some of
 * them twice), feedback, replays and sessions over many connections, trackers send batches with errors. Afterwards every id is counted:
 * each must be there, once.
 */

import { randomBytes, randomUUID } from "node:crypto";
import { TrackerClient } from "../../bin/lib/tracker-client.ts";
import { createSessionId, createTabId } from "../../protocol/ids.ts";
import { withClient } from "../../server/db/connection.ts";
import { batchOf, hasMarker } from "../../test/loss/payload.ts";
import { createLedger } from "../load/ledger.ts";
import { buildMinified } from "../load/minified.ts";
import { createEvents, send, type Sent } from "../load/sdk-traffic.ts";
import type { Figure } from "../report.ts";
import type { Rig, Watchback } from "../rig.ts";

const AWAY_MS = 60_000;
/** Of traffic before and after. */
const AROUND_MS = 5_000;
const RATE = 150;
const CONNECTIONS = 64;
const TRACKERS = 8;
const BATCH_EVERY_MS = 200;
/** Bound of all that comes after. */
const HEAL_MS = 180_000;
const NO_QUOTAS = { QUOTA_ERRORS_PER_MINUTE: "0", QUOTA_REPLAYS_PER_MINUTE: "0" };

export async function outage(rig: Rig): Promise<Figure> {
  const server = await rig.startWatchback(NO_QUOTAS);
  const script = await buildMinified();
  const event = createEvents({ script, scriptUrl: "https://shop.example/app.js", debugId: randomUUID(), release: "shop@1.4.0" });
  const ledger = createLedger(event);
  const trackers = startTrackers(server);
  const url = new URL(`/api/1/envelope/?sentry_key=${server.key}`, server.origin);
  const cookie = await server.signIn();
  const phase = (ms: number): Promise<Sent> =>
    send(url, ledger.next, { count: (RATE * ms) / 1_000, connections: CONNECTIONS, ratePerSec: RATE });

  const before = await phase(AROUND_MS);
  const stopped = stopFor(rig, AWAY_MS);
  const away = await phase(AWAY_MS);
  const after = await phase(AROUND_MS);
  const backAt = await stopped;
  const trackerErrors = await trackers.finish();
  await waitUntilDigested(server, cookie);
  const healSeconds = (performance.now() - backAt) / 1_000;
  const tallies = await ledger.compare(server.connection, trackerErrors);
  const dead = await withClient(server.connection, async (client) => {
    const { rowCount } = await client.query("SELECT 1 FROM intake WHERE dead_at IS NOT NULL");
    return rowCount ?? Number.NaN;
  });
  await server.stop();

  const phases = { before, away, after };
  const refused = Object.values(phases).flatMap((sent) => Object.values(sent.refused));
  const sum = (pick: (tally: (typeof tallies)[number]) => number) => tallies.reduce((total, tally) => total + pick(tally), 0);
  return {
    name: "outage",
    title: `Postgres stopped for ${AWAY_MS / 1_000} s under ${RATE} envelopes/s over ${CONNECTIONS} connections, and ${TRACKERS} trackers`,
    head: ["", "sent", "lost", "twice"],
    rows: tallies.map(({ what, sent, lost, twice }) => [what, sent, lost, twice]),
    checks: [
      { what: "answers other than 200", value: refused.reduce((total, count) => total + count, 0), unit: "", bar: { atMost: 0 } },
      { what: "lost", value: sum(({ lost }) => lost), unit: "", bar: { atMost: 0 } },
      { what: "there twice", value: sum(({ twice }) => twice), unit: "", bar: { atMost: 0 } },
      { what: "dead letters", value: dead, unit: "", bar: { atMost: 0 } },
      { what: "until all is digested, after Postgres is back", value: healSeconds, unit: "s", bar: { atMost: HEAL_MS / 1_000 } },
    ],
    details: Object.fromEntries(
      Object.entries(phases).map(([name, { latencies, refused: byStatus }]) => {
        const sorted = latencies.sort((a, b) => a - b);
        const at = (part: number) =>
          Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN);
        return [name, { envelopes: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), longestMs: at(1), byStatus }];
      }),
    ),
  };
}

/** Crashes Postgres and starts it again; tells when it was back. */
async function stopFor(rig: Rig, ms: number): Promise<number> {
  await rig.cluster.stop("immediate");
  await new Promise((resolve) => setTimeout(resolve, ms));
  await rig.cluster.start();
  return performance.now();
}

/** Trackers that send until they are told to finish, which tells how many errors of theirs were acknowledged. */
function startTrackers(server: Watchback): { finish(): Promise<number> } {
  const clients = Array.from({ length: TRACKERS }, (_, index) => {
    const page = {
      sessionId: createSessionId(Date.now(), randomBytes(10)),
      tab: createTabId(randomBytes(12)),
      resumeToken: randomBytes(18).toString("base64url"),
      url: "https://shop.example/outage",
      title: `tracker ${index}`,
      userAgent: "outage",
      answersResend: true,
      startTime: Date.now(),
    };
    let isCheckoutDue = true;
    const client = new TrackerClient({
      url: server.trackerUrl,
      page,
      retryMs: () => 200,
      onCheckoutRequest: () => (isCheckoutDue = true),
    });
    const timer = setInterval(() => {
      client.send(batchOf(page.title, client.nextSeq, isCheckoutDue));
      isCheckoutDue = false;
    }, BATCH_EVERY_MS);
    return { client, timer };
  });
  return {
    async finish() {
      for (const { timer } of clients) clearInterval(timer);
      const settled = await Promise.all(clients.map(({ client }) => client.settled(HEAL_MS)));
      if (settled.includes(false)) throw new Error("a tracker was not acknowledged");
      const sent = clients.map(({ client }) => client.nextSeq);
      for (const { client } of clients) client.close();
      return sent.reduce((sum, count) => sum + Array.from({ length: count }, (_, seq) => seq).filter(hasMarker).length, 0);
    },
  };
}

/** Waits until neither the spool nor the intake holds anything that is not dead. */
async function waitUntilDigested(server: Watchback, cookie: string): Promise<void> {
  const until = performance.now() + HEAL_MS;
  for (;;) {
    const metrics = await (await fetch(new URL("/metrics", server.origin), { headers: { cookie } })).text();
    const spooled = Number(/^watchback_errors_spool_bytes (\d+)/m.exec(metrics)?.[1] ?? Number.NaN);
    const waiting = await withClient(server.connection, async (client) => {
      const { rowCount } = await client.query("SELECT 1 FROM intake WHERE dead_at IS NULL LIMIT 1");
      return rowCount !== 0;
    });
    if (spooled === 0 && !waiting) return;
    if (performance.now() > until) throw new Error(`not digested after ${HEAL_MS / 1_000} s; ${spooled} bytes are in the spool`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
