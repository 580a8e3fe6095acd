/**
 * The accept phase under mixed traffic: sessions, errors (plain, behind gzip, with a file), spans, reports, feedback and replays of SDKs in
 * about the parts in which they were captured, with a segment of 10 MB now and then, while what was accepted is digested beside it. From the
 * moment at which a request was due to its answer, after the commit.
 */

import { randomBytes, randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { withClient } from "../../server/db/connection.ts";
import { envelope, feedback, makeId, packedRecording, recording, replay, withAttachment } from "../load/envelopes.ts";
import { buildMinified } from "../load/minified.ts";
import { createEvents, send, type Posted } from "../load/sdk-traffic.ts";
import type { Figure } from "../report.ts";
import type { Rig, Watchback } from "../rig.ts";

const MAX_P99_MS = 50;
const CONNECTIONS = 64;
const ROUND_MS = 8_000;
const WARM_UP = 500;
/** Envelopes a second; a third of them are errors. */
const RATES = [300, 600, 1_200];
const LARGE_EVERY_MS = 2_000;
const LARGE_BYTES = 10 * 1024 * 1024;
const SEGMENT_BYTES = 60 * 1024;
const FILE_BYTES = 20 * 1024;
const NO_QUOTAS = { QUOTA_ERRORS_PER_MINUTE: "0", QUOTA_REPLAYS_PER_MINUTE: "0" };

/** Of a hundred envelopes. */
const PARTS = [
  ["session", 43],
  ["event", 22],
  ["gzip", 8],
  ["attachment", 3],
  ["span", 10],
  ["client_report", 8],
  ["replay", 4],
  ["feedback", 2],
] as const;

export async function accept(rig: Rig): Promise<Figure> {
  const server = await rig.startWatchback(NO_QUOTAS);
  const url = new URL(`/api/1/envelope/?sentry_key=${server.key}`, server.origin);
  const traffic = await createTraffic();
  await send(url, traffic.next, { count: WARM_UP, connections: CONNECTIONS });
  const rounds = [];
  for (const rate of RATES) rounds.push(await measure(server, url, traffic, rate));
  await server.stop();
  const refused = rounds.reduce((sum, round) => sum + round.refused, 0);
  const [, middle] = rounds;
  return {
    name: "accept",
    title: `Envelopes of SDKs, mixed, ${CONNECTIONS} connections, a segment of 10 MB every ${LARGE_EVERY_MS / 1_000} s, answered after the commit`,
    head: [
      "envelopes/s",
      "p50 ms",
      "p99 ms",
      "longest ms",
      "10 MB, longest ms",
      "CPU us/envelope",
      "RSS MiB",
      "waiting at the end",
    ],
    rows: rounds.map((one) => [one.rate, one.p50, one.p99, one.max, one.large, one.cpuMicros, one.rssMib, one.waiting]),
    checks: [
      { what: `p99 at ${RATES[1]} envelopes/s`, value: middle?.p99 ?? Number.NaN, unit: "ms", bar: { atMost: MAX_P99_MS } },
      { what: "answers other than 200", value: refused, unit: "", bar: { atMost: 0 } },
    ],
  };
}

interface Round {
  rate: number;
  p50: number;
  p99: number;
  max: number;
  large: number;
  cpuMicros: number;
  rssMib: number;
  waiting: number;
  refused: number;
}

async function measure(server: Watchback, url: URL, traffic: Traffic, rate: number): Promise<Round> {
  const cpuBefore = server.cpuMicros();
  const count = Math.round((rate * ROUND_MS) / 1_000);
  const large = { count: Math.floor(ROUND_MS / LARGE_EVERY_MS), connections: 1, ratePerSec: 1_000 / LARGE_EVERY_MS };
  const [mixed, segments] = await Promise.all([
    send(url, traffic.next, { count, connections: CONNECTIONS, ratePerSec: rate }),
    send(url, traffic.large, large),
  ]);
  const waiting = await withClient(server.connection, async (client) => {
    const { rows } = await client.query<{ count: number }>("SELECT count(*) FROM intake WHERE dead_at IS NULL");
    return rows[0]?.count ?? 0;
  });
  const sorted = mixed.latencies.sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  const refused = [mixed, segments].flatMap((sent) => Object.values(sent.refused)).reduce((sum, one) => sum + one, 0);
  return {
    rate,
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
    large: Math.max(...segments.latencies),
    cpuMicros: (server.cpuMicros() - cpuBefore) / count,
    rssMib: server.rssBytes() / 1024 / 1024,
    waiting,
    refused,
  };
}

interface Traffic {
  next: () => string | Posted;
  large: () => Posted;
}

async function createTraffic(): Promise<Traffic> {
  const script = await buildMinified();
  const event = createEvents({ script, scriptUrl: "https://shop.example/app.js", debugId: randomUUID(), release: "shop@1.4.0" });
  const segment = packedRecording(SEGMENT_BYTES);
  const file = randomBytes(FILE_BYTES);
  // Made before, or the sender would be measured while it compresses.
  const segments = Array.from({ length: RATES.length * (ROUND_MS / LARGE_EVERY_MS) }, () =>
    gzipSync(replay(makeId(), Buffer.from(recording(LARGE_BYTES))), { level: 1 }),
  );
  const spans = { items: Array.from({ length: 5 }, (_, i) => ({ span_id: String(i), name: "GET /orders" })) };
  const dropped = { discarded_events: [{ reason: "sample_rate", category: "transaction", quantity: 3 }] };
  const makers: Record<(typeof PARTS)[number][0], () => string | Posted> = {
    event,
    gzip: () => ({ body: gzipSync(event()), headers: { "content-encoding": "gzip" } }),
    attachment: () => ({ body: withAttachment(event(), file), headers: {} }),
    session: () => envelope({}, "session", { sid: randomUUID(), init: true, status: "ok", attrs: { release: "shop@1.4.0" } }),
    span: () => envelope({}, "span", spans),
    client_report: () => envelope({}, "client_report", dropped),
    replay: () => ({ body: replay(makeId(), segment), headers: {} }),
    feedback: () => feedback(makeId(), makeId()),
  };
  const hundred = PARTS.flatMap(([kind, count]) => Array.from({ length: count }, () => kind));
  let turn = 0;
  return {
    // 37 and 100 have no divisor in common: each kind comes as often as it should, and none in a row.
    next: () => makers[hundred[(turn++ * 37) % hundred.length] ?? "session"](),
    large: () => ({ body: segments.pop() ?? "", headers: { "content-encoding": "gzip" } }),
  };
}
