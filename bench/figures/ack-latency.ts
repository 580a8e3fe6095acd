/** Ack after commit, and the server's memory, at 10,000 events a second in batches of 20. */

import { packedFrame } from "../load/batches.ts";
import { openFleet } from "../load/fleet.ts";
import { median } from "../load/samples.ts";
import type { Figure } from "../report.ts";
import type { Rig } from "../rig.ts";
import { watchMemory } from "../watch-memory.ts";

const BATCHES_PER_SEC = 500;
const SESSIONS = 100;
const ROUND_MS = 4_000;
const ROUNDS = 3;
const IDLE_MS = 3_000;
const MIB = 1024 * 1024;

export async function ackLatency(rig: Rig): Promise<Figure> {
  const server = await rig.startWatchback();
  const idle = watchMemory(server);
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const idleMib = idle.stop() / MIB;
  const fleet = await openFleet({ url: server.trackerUrl, sessions: SESSIONS, frame: packedFrame });
  const loaded = watchMemory(server);
  await fleet.run(BATCHES_PER_SEC, ROUND_MS); // the first seconds of a process are those of its compiler
  const cpuBefore = server.cpuMicros();
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await fleet.run(BATCHES_PER_SEC, ROUND_MS));
  const cpu = (server.cpuMicros() - cpuBefore) / rounds.reduce((sum, round) => sum + round.sent, 0);
  const loadedMib = loaded.stop() / MIB;
  fleet.close();
  await server.stop();
  const p99 = median(rounds.map((round) => round.p99Ms));
  return {
    name: "ack-latency",
    title: "Ack after commit at 10,000 events/s in batches of 20, from 100 sessions; memory of the server process",
    head: ["round", "batches/s", "p50 ms", "p99 ms", "not acknowledged"],
    rows: [
      ...rounds.map((round, i) => [i + 1, round.ackedPerSec, round.p50Ms, round.p99Ms, round.unacked + round.faults]),
      ["server CPU a batch, us", cpu, "", "", ""],
    ],
    checks: [
      { what: "ack p99", value: p99, unit: "ms", bar: { atMost: 50 } },
      { what: "memory, idle", value: idleMib, unit: "MiB", bar: { atMost: 100 } },
      { what: "memory at this load, at most", value: loadedMib, unit: "MiB", bar: { atMost: 200 } },
      {
        what: "not acknowledged",
        value: rounds.reduce((sum, r) => sum + r.unacked + r.faults, 0),
        unit: "batches",
        bar: { atMost: 0 },
      },
    ],
  };
}
