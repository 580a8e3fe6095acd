/** One session, 1,000 viewers: batches delivered a second by our server, and by bare uWebSockets.js `publish` with the same audience. */

import { openAudience, playTo } from "../load/audience.ts";
import { openPublisher, publishNext } from "../load/publisher.ts";
import { median } from "../load/samples.ts";
import type { ServerProcess } from "../processes.ts";
import type { Figure } from "../report.ts";
import type { Rig } from "../rig.ts";

const VIEWERS = 1_000;
const ROUND_MS = 2_500;
const ROUNDS = 3;

interface Measured {
  deliveredPerSec: number[];
  /** Server processor time for each batch delivered. */
  cpuMicros: number;
}

export async function fanOut(rig: Rig): Promise<Figure> {
  const watchback = await rig.startWatchback();
  const token = await watchback.createToken();
  const ours = await measure(watchback, watchback.trackerUrl, watchback.viewerUrl(token), true);
  await watchback.stop();
  const bare = await rig.startPeer("uws-server.ts");
  const url = new URL(`ws://127.0.0.1:${bare.port}/ws?type=tracker`);
  const floor = await measure(bare, url, new URL(`ws://127.0.0.1:${bare.port}/ws?type=viewer`), false);
  await bare.stop();
  const rate = median(ours.deliveredPerSec);
  const floorRate = median(floor.deliveredPerSec);
  return {
    name: "fan-out",
    title: `Fan-out of 2 KB batches to ${VIEWERS} viewers, delivered/s; the audience runs on the same two cores`,
    head: ["server", "delivered/s", "of bare uWS", "server CPU us each", "rounds"],
    rows: [
      ["bare uWebSockets.js publish", floorRate, 1, floor.cpuMicros, floor.deliveredPerSec.map(Math.round).join(" ")],
      ["Watchback", rate, rate / floorRate, ours.cpuMicros, ours.deliveredPerSec.map(Math.round).join(" ")],
    ],
    checks: [{ what: "of bare uWebSockets.js", value: rate / floorRate, unit: "x", bar: { atLeast: 0.7 } }],
  };
}

async function measure(server: ServerProcess, trackerUrl: URL, viewerUrl: URL, isOurs: boolean): Promise<Measured> {
  const publisher = await openPublisher(trackerUrl);
  if (isOurs) publishNext(publisher); // the checkout with which a feed begins
  const audience = await openAudience(viewerUrl, VIEWERS, isOurs ? publisher.sessionId : null);
  if (!isOurs) publishNext(publisher);
  await audience.ready();
  await playTo(audience, publisher, ROUND_MS / 2);
  const cpuBefore = server.cpuMicros();
  const deliveredBefore = audience.delivered();
  const deliveredPerSec: number[] = [];
  for (let i = 0; i < ROUNDS; i++) deliveredPerSec.push(await playTo(audience, publisher, ROUND_MS));
  const cpuMicros = (server.cpuMicros() - cpuBefore) / (audience.delivered() - deliveredBefore);
  audience.close();
  publisher.socket.close();
  return { deliveredPerSec, cpuMicros };
}
