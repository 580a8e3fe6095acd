/**
 * `npm run bench [-- NAME…]`: measures the published figures, each against its floor or peer in the same run, and prints for each one
 * table and one JSON line. Ends with 1 where a figure misses its bar.
 */

import { accept } from "./figures/accept.ts";
import { ackLatency } from "./figures/ack-latency.ts";
import { assist } from "./figures/assist.ts";
import { digest } from "./figures/digest.ts";
import { drain } from "./figures/drain.ts";
import { fanOut } from "./figures/fan-out.ts";
import { firstFrame } from "./figures/first-frame.ts";
import { friction } from "./figures/friction.ts";
import { heatMap } from "./figures/heat-map.ts";
import { idleConnections } from "./figures/idle-connections.ts";
import { liveView } from "./figures/live-view.ts";
import { outage } from "./figures/outage.ts";
import { overload } from "./figures/overload.ts";
import { retention } from "./figures/retention.ts";
import { search } from "./figures/search.ts";
import { seek } from "./figures/seek.ts";
import { store } from "./figures/store.ts";
import { trackerSize } from "./figures/tracker-size.ts";
import { wall } from "./figures/wall.ts";
import { wholePath } from "./figures/whole-path.ts";
import { isMet, toJsonLine, toTable, type Figure } from "./report.ts";
import { createRig, type Rig } from "./rig.ts";

/** Every figure, in the order of their run. */
const FIGURES: Readonly<Record<string, (rig: Rig) => Figure | Promise<Figure>>> = {
  "tracker-size": trackerSize,
  "ack-latency": ackLatency,
  store,
  "whole-path": wholePath,
  overload,
  digest,
  "fan-out": fanOut,
  "idle-connections": idleConnections,
  "live-view": liveView,
  assist,
  friction,
  seek,
  "first-frame": firstFrame,
  search,
  "heat-map": heatMap,
  wall,
  retention,
  accept,
  outage,
  drain,
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(FIGURES, name));
if (unknown.length > 0) {
  console.error(`Unknown figure ${unknown.join(", ")}; there are ${Object.keys(FIGURES).join(", ")}.`);
  process.exit(2);
}

const missed: string[] = [];
const rig = await createRig();
try {
  for (const [name, measure] of Object.entries(FIGURES)) {
    if (names.length > 0 && !names.includes(name)) continue;
    try {
      const figure = await measure(rig);
      console.log(`${toTable(figure)}\n${toJsonLine(figure)}\n`);
      if (!figure.checks.every(isMet)) missed.push(name);
    } catch (error) {
      console.error(`${name} could not be measured:`, error);
      missed.push(name);
    }
  }
} finally {
  await rig.close();
}
if (missed.length > 0) console.log(`Missed: ${missed.join(", ")}`);
process.exitCode = missed.length > 0 ? 1 : 0;
