/** What 10,000 trackers cost that have said `session_start` and nothing since. */

import { packedFrame } from "../load/batches.ts";
import { openFleet } from "../load/fleet.ts";
import type { ServerProcess } from "../processes.ts";
import type { Figure } from "../report.ts";
import type { Rig } from "../rig.ts";

const CONNECTIONS = 10_000;
/** Opened and closed first, so that what a process makes once is not counted for each. */
const WARM_UP = 500;
const SETTLE_MS = 3_000;
const LOOKS = 10;

export async function idleConnections(rig: Rig): Promise<Figure> {
  const ours = await rig.startWatchback();
  const oursBytes = await measure(ours, ours.trackerUrl);
  await ours.stop();
  const peers: [string, number][] = [];
  for (const [name, file] of [
    ["bare uWebSockets.js", "uws-server.ts"],
    ["ws", "ws-server.ts"],
  ] as const) {
    const peer = await rig.startPeer(file, [], ["--expose-gc"]);
    peers.push([name, await measure(peer, new URL(`ws://127.0.0.1:${peer.port}/ws?type=tracker`))]);
    await peer.stop();
  }
  return {
    name: "idle-connections",
    title: `${CONNECTIONS.toLocaleString("en-US")} idle trackers, resident memory of the server for each`,
    head: ["server", "bytes each"],
    rows: [["Watchback, sessions started", oursBytes], ...peers],
    checks: [{ what: "bytes for each", value: oursBytes, unit: "B", bar: { atMost: 4096 } }],
  };
}

async function measure(server: ServerProcess, url: URL): Promise<number> {
  const open = (sessions: number) => openFleet({ url, sessions, frame: packedFrame, parallel: 100, outbox: 16 });
  (await open(WARM_UP)).close();
  const before = await settledRss(server);
  const fleet = await open(CONNECTIONS);
  const after = await settledRss(server);
  fleet.close();
  return (after - before) / CONNECTIONS;
}

/** The least of some looks, when the process has had time to tidy up. */
async function settledRss(server: ServerProcess): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < LOOKS; i++) {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS / LOOKS));
    least = Math.min(least, server.rssBytes());
  }
  return least;
}
