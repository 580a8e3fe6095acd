/**
 * Errors fully digested: accepted, redacted, mapped by their source map, grouped, counted and written, until nothing waits any more. The
 * sender and Postgres are on the same cores. The bar is ten times what light trackers claim for two cores.
 */

import { randomUUID } from "node:crypto";
import { withClient, type ConnectionOptions } from "../../server/db/connection.ts";
import { buildMinified, type Minified } from "../load/minified.ts";
import { createEvents, send } from "../load/sdk-traffic.ts";
import type { Figure } from "../report.ts";
import type { Rig, Watchback } from "../rig.ts";

const EVENTS = 20_000;
const CONNECTIONS = 16;
const SCRIPT_URL = "https://shop.example/assets/app-4f3a2b.js";
const RELEASE = "shop@1.4.0";
const WAIT_MS = 180_000;
/** Quotas are not what is measured. */
const NO_QUOTAS = { QUOTA_ERRORS_PER_MINUTE: "0", QUOTA_ERRORS_PER_DAY: "0" };

export async function digest(rig: Rig): Promise<Figure> {
  const script = await buildMinified();
  const server = await rig.startWatchback(NO_QUOTAS);
  const debugId = randomUUID();
  await upload(server, script, debugId);
  const next = createEvents({ script, scriptUrl: SCRIPT_URL, debugId, release: RELEASE });
  const url = new URL(`/api/1/envelope/?sentry_key=${server.key}`, server.origin);
  // Made before the clock runs: who sends is on the same cores.
  const bodies = Array.from({ length: EVENTS }, next);
  const cpuBefore = server.cpuMicros();
  const from = performance.now();
  const sent = await send(url, () => bodies.pop() ?? next(), { count: EVENTS, connections: CONNECTIONS });
  const acceptedMs = performance.now() - from;
  await waitUntilEmpty(server.connection);
  const digestedMs = performance.now() - from;
  const cpuMicros = (server.cpuMicros() - cpuBefore) / EVENTS;
  const written = await countWritten(server.connection);
  const peakMib = server.rssBytes() / 1024 / 1024;
  await server.stop();
  const perSec = (count: number, ms: number) => (count / ms) * 1_000;
  return {
    name: "digest",
    title: `${EVENTS.toLocaleString("en")} errors of an SDK, 20 minified frames each, until nothing waits`,
    head: ["", "events", "per second", "CPU us/event", "RSS MiB"],
    rows: [
      ["accepted", EVENTS, perSec(EVENTS, acceptedMs), "", ""],
      ["digested", written.occurrences, perSec(written.occurrences, digestedMs), cpuMicros, peakMib],
    ],
    checks: [
      { what: "fully digested", value: perSec(written.occurrences, digestedMs), unit: "/s", bar: { atLeast: 500 } },
      { what: "of what was sent is there", value: written.occurrences / EVENTS, unit: "x", bar: { atLeast: 1 } },
      { what: "with frames that are mapped", value: written.mapped / EVENTS, unit: "x", bar: { atLeast: 1 } },
    ],
    details: { refused: sent.refused, issues: written.issues, mapBytes: script.map.length },
  };
}

async function upload(server: Watchback, script: Minified, debugId: string): Promise<void> {
  const cookie = await server.signIn();
  const url = new URL("/v1/projects/1/source-maps", server.origin);
  url.search = new URLSearchParams({ debugId, release: RELEASE }).toString();
  const headers = { cookie, origin: server.origin, "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: script.map });
  if (!answer.ok) throw new Error(`the source map was not taken: ${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
}

async function waitUntilEmpty(connection: ConnectionOptions): Promise<void> {
  await withClient(connection, async (client) => {
    const until = performance.now() + WAIT_MS;
    for (;;) {
      const { rowCount } = await client.query("SELECT 1 FROM intake WHERE dead_at IS NULL LIMIT 1");
      if (rowCount === 0) return;
      if (performance.now() > until) throw new Error("the intake did not become empty");
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  });
}

async function countWritten(connection: ConnectionOptions): Promise<{ occurrences: number; mapped: number; issues: number }> {
  return withClient(connection, async (client) => {
    const { rows } = await client.query<{ occurrences: number; mapped: number; issues: number }>(
      `SELECT count(*) AS occurrences, count(*) FILTER (WHERE detail #>> '{exceptions,0,frames,0,raw,file}' IS NOT NULL) AS mapped,
         (SELECT count(*) FROM issues) AS issues
       FROM occurrences`,
    );
    return rows[0] ?? { occurrences: 0, mapped: 0, issues: 0 };
  });
}
