/**
 * The whole path, socket in to ack after commit: the highest rate with an ack p99 under 50 ms, for our server and for the usual way to
 * build it (Fastify, ws, JSON.parse, one multi-row INSERT a message), with the load generator and Postgres on the same cores.
 */

import { toConnectionString } from "../../server/db/connection.ts";
import { measureCopyFloor } from "../copy-floor.ts";
import { BATCH_EVENTS, packedFrame, plainFrame } from "../load/batches.ts";
import { openFleet, type FleetOptions } from "../load/fleet.ts";
import { findHighestRate, type SearchOptions, type SearchResult } from "../load/search.ts";
import type { ServerProcess } from "../processes.ts";
import type { Figure } from "../report.ts";
import type { Rig } from "../rig.ts";
import { watchMemory } from "../watch-memory.ts";

const SESSIONS = 200;
const MAX_P99_MS = 50;
const ROUND_MS = 2_000;
const FLOOR_ROWS = 100_000;
const FLOOR_ROUNDS = 3;
const MIB = 1024 * 1024;

interface Measured extends SearchResult {
  /** Server processor time a batch, in the proving rounds. */
  cpuMicros: number;
  peakMib: number;
}

export async function wholePath(rig: Rig): Promise<Figure> {
  const server = await rig.startWatchback();
  const ours = await measure(
    server,
    { url: server.trackerUrl, sessions: SESSIONS, frame: packedFrame },
    { from: 12_000, to: 120_000 },
  );
  await server.stop();
  const floor = await measureCopyFloor(server.connection, FLOOR_ROWS, FLOOR_ROUNDS);
  const usual = await measurePeer(rig, []);
  const prepared = await measurePeer(rig, ["prepared"]);
  const row = (name: string, { batchesPerSec, p50Ms, p99Ms, cpuMicros, peakMib }: Measured) => [
    name,
    batchesPerSec,
    batchesPerSec * BATCH_EVENTS,
    p50Ms,
    p99Ms,
    cpuMicros,
    peakMib,
    batchesPerSec / usual.batchesPerSec,
  ];
  return {
    name: "whole-path",
    title: `Whole path, ${SESSIONS} sessions with a connection each, 2 KB batches of ${BATCH_EVENTS} events, ack after commit`,
    head: ["server", "batches/s", "events/s", "p50 ms", "p99 ms", "CPU us/batch", "RSS MiB", "x usual way"],
    rows: [
      row("Watchback", ours),
      row("Fastify + ws + JSON.parse + INSERT", usual),
      row("the same, statement prepared once", prepared),
      [`bare binary COPY (${floor.how})`, floor.medianPerSec, floor.medianPerSec * BATCH_EVENTS, "", "", "", "", ""],
    ],
    checks: [
      { what: "batches a second", value: ours.batchesPerSec, unit: "/s", bar: { atLeast: 25_000 } },
      { what: "of the bare COPY rate", value: ours.batchesPerSec / floor.medianPerSec, unit: "x", bar: { atLeast: 0.3 } },
      { what: "server CPU a batch", value: ours.cpuMicros, unit: "us", bar: { atMost: 25 } },
      { what: "of the usual way", value: ours.batchesPerSec / usual.batchesPerSec, unit: "x", bar: { atLeast: 12 } },
    ],
    details: { floor: floor.rowsPerSec.map(Math.round), rounds: ours.rounds, tried: ours.tried },
  };
}

async function measurePeer(rig: Rig, args: readonly string[]): Promise<Measured> {
  const peer = await rig.startPeer("fastify-server.ts", [toConnectionString(await rig.createDatabase()), ...args]);
  const url = new URL(`ws://127.0.0.1:${peer.port}/ws?type=tracker`);
  const measured = await measure(peer, { url, sessions: SESSIONS, frame: plainFrame }, { from: 700, to: 120_000 });
  await peer.stop();
  return measured;
}

async function measure(
  server: ServerProcess,
  options: FleetOptions,
  rates: Pick<SearchOptions, "from" | "to">,
): Promise<Measured> {
  const fleet = await openFleet(options);
  const memory = watchMemory(server);
  let cpuMicros = 0;
  let before = 0;
  const result = await findHighestRate(fleet, {
    ...rates,
    maxP99Ms: MAX_P99_MS,
    roundMs: ROUND_MS,
    onProof: (round, phase) => {
      if (round === 0 && phase === "before") cpuMicros = 0;
      if (phase === "before") before = server.cpuMicros();
      else cpuMicros += server.cpuMicros() - before;
    },
  });
  const peakMib = memory.stop() / MIB;
  fleet.close();
  return { ...result, peakMib, cpuMicros: cpuMicros / result.rounds.reduce((sum, round) => sum + round.sent, 0) };
}
