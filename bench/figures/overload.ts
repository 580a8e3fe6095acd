/** More is offered than can be stored: memory stays bounded, the peers are slowed, and what was acknowledged is there. */

import { withClient, type ConnectionOptions } from "../../server/db/connection.ts";
import { packedFrame } from "../load/batches.ts";
import { openFleet, type Fleet, type RoundResult } from "../load/fleet.ts";
import type { Figure } from "../report.ts";
import type { Rig } from "../rig.ts";
import { watchMemory } from "../watch-memory.ts";

const SESSIONS = 200;
const OFFERED_PER_SEC = 80_000;
const FLOOD_MS = 2_500;
/** The flood must be stored to the last batch within this time. */
const SETTLE_MS = 45_000;
const STALL_MS = 4_000;
const STALL_PER_SEC = 10_000;
/** Buffer for the store (32 MiB), tails (32 MiB), what uWebSockets.js and V8 need at this rate, and room to collect garbage late. */
const MAX_MIB = 350;
const MIB = 1024 * 1024;

export async function overload(rig: Rig): Promise<Figure> {
  const server = await rig.startWatchback();
  const fleet = await openFleet({ url: server.trackerUrl, sessions: SESSIONS, frame: packedFrame });
  await fleet.run(2_000, 1_000);
  const floodMemory = watchMemory(server);
  const flood = await fleet.run(OFFERED_PER_SEC, FLOOD_MS, SETTLE_MS);
  const floodMib = floodMemory.stop() / MIB;
  const stallMemory = watchMemory(server);
  const stalled = stallTable(server.connection);
  const stall = await fleet.run(STALL_PER_SEC, STALL_MS, SETTLE_MS);
  await stalled;
  const stallMib = stallMemory.stop() / MIB;
  const missing = await countMissing(server.connection, fleet);
  fleet.close();
  await server.stop();
  const row = (name: string, round: RoundResult, mib: number) => [
    name,
    round.offeredPerSec,
    round.sentPerSec,
    round.ackedPerSec,
    round.resent,
    round.unacked,
    mib,
  ];
  return {
    name: "overload",
    title: "More offered than can be stored: a flood, and a table that nobody can write to for 4 s",
    head: ["phase", "offered/s", "first sent/s", "acked/s", "sent again", "never acked", "RSS MiB, most"],
    rows: [row("flood", flood, floodMib), row("table locked", stall, stallMib)],
    checks: [
      { what: "memory, at most", value: Math.max(floodMib, stallMib), unit: "MiB", bar: { atMost: MAX_MIB } },
      {
        what: "first sent of what was offered (peers slowed)",
        value: flood.sentPerSec / flood.offeredPerSec,
        unit: "x",
        bar: { atMost: 0.95 },
      },
      { what: "acknowledged batches that are not stored", value: missing, unit: "batches", bar: { atMost: 0 } },
      { what: "never acknowledged", value: flood.unacked + stall.unacked, unit: "batches", bar: { atMost: 0 } },
    ],
  };
}

/** Keeps every writer out of the batches for a while. */
async function stallTable(connection: ConnectionOptions): Promise<void> {
  await withClient(connection, async (client) => {
    await client.query("BEGIN");
    await client.query("LOCK TABLE session_events IN EXCLUSIVE MODE");
    await new Promise((resolve) => setTimeout(resolve, STALL_MS));
    await client.query("COMMIT");
  });
}

/** Acknowledged batches that the database does not have. */
async function countMissing(connection: ConnectionOptions, fleet: Fleet): Promise<number> {
  const told = fleet.trackers.map(({ sessionId, acked }) => ({ sessionId, acked })); // as it is now: more may come while we ask
  const stored = await withClient(connection, async (client) => {
    const sql = "SELECT session_id, count(*)::int AS rows FROM session_events GROUP BY session_id";
    const { rows } = await client.query<{ session_id: string; rows: number }>(sql);
    return new Map(rows.map((row) => [row.session_id, row.rows]));
  });
  return told.reduce((sum, { sessionId, acked }) => sum + Math.max(0, acked + 1 - (stored.get(sessionId) ?? 0)), 0);
}
