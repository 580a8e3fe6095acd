/**
 * What watchers and trackers feel while a bulk is digested: 100,000 errors wait in the intake, as after an outage, and trackers send at
 * 10,000 events a second. The ack after the commit, before and in the middle of the drain.
 */

import { randomUUID } from "node:crypto";
import { withClient, type ConnectionOptions } from "../../server/db/connection.ts";
import { packedFrame } from "../load/batches.ts";
import { openFleet } from "../load/fleet.ts";
import { buildMinified } from "../load/minified.ts";
import { createEvents } from "../load/sdk-traffic.ts";
import type { Figure } from "../report.ts";
import type { Rig } from "../rig.ts";

const ROWS = 100_000;
/** Different bodies among them. */
const BODIES = 50;
const BATCHES_PER_SEC = 500;
const SESSIONS = 100;
const ROUND_MS = 5_000;
const MAX_P99_MS = 50;

export async function drain(rig: Rig): Promise<Figure> {
  const server = await rig.startWatchback();
  const fleet = await openFleet({ url: server.trackerUrl, sessions: SESSIONS, frame: packedFrame });
  await fleet.run(BATCHES_PER_SEC, ROUND_MS); // the first seconds of a process are those of its compiler
  const quiet = await fleet.run(BATCHES_PER_SEC, ROUND_MS);
  await fillIntake(server.connection);
  const before = await countWaiting(server.connection);
  const from = performance.now();
  const draining = await fleet.run(BATCHES_PER_SEC, ROUND_MS);
  const left = await countWaiting(server.connection);
  const digestedPerSec = ((before - left) / (performance.now() - from)) * 1_000;
  fleet.close();
  await server.stop();
  return {
    name: "drain",
    title: `Ack after commit at 10,000 events/s, while ${ROWS.toLocaleString("en")} errors that wait are digested`,
    head: ["", "batches/s", "p50 ms", "p99 ms", "not acknowledged", "digested/s beside"],
    rows: [
      ["quiet", quiet.ackedPerSec, quiet.p50Ms, quiet.p99Ms, quiet.unacked + quiet.faults, ""],
      ["draining", draining.ackedPerSec, draining.p50Ms, draining.p99Ms, draining.unacked + draining.faults, digestedPerSec],
    ],
    checks: [
      { what: "ack p99 while it drains", value: draining.p99Ms, unit: "ms", bar: { atMost: MAX_P99_MS } },
      { what: "not acknowledged", value: draining.unacked + draining.faults, unit: "batches", bar: { atMost: 0 } },
      { what: "still waiting at the end of the round", value: left, unit: "", bar: { atLeast: 1 } },
    ],
  };
}

async function fillIntake(connection: ConnectionOptions): Promise<void> {
  const script = await buildMinified();
  const next = createEvents({ script, scriptUrl: "https://shop.example/app.js", debugId: randomUUID(), release: "shop@1.4.0" });
  const bodies = Array.from({ length: BODIES }, () => next().split("\n").at(-1) ?? "");
  await withClient(connection, (client) =>
    client.query(
      `INSERT INTO intake (project_id, kind, head, body)
       SELECT 1, 'event', jsonb_build_object('event_id', md5(n::text)), convert_to(($1::text[])[1 + n % $2], 'UTF8')
       FROM generate_series(1, $3) AS n`,
      [bodies, BODIES, ROWS],
    ),
  );
}

async function countWaiting(connection: ConnectionOptions): Promise<number> {
  return withClient(connection, async (client) => {
    const { rows } = await client.query<{ n: number }>("SELECT count(*)::float8 AS n FROM intake WHERE dead_at IS NULL");
    return rows[0]?.n ?? Number.NaN;
  });
}
