/**
 * `npm run load`: open-loop load on a running server: so many sessions, so many batches of 20 events a second, whatever the server does.
 * Prints one line a round. Only against this machine, unless the caller says that the server is his.
 */

import { packedFrame } from "../bench/load/batches.ts";
import { openFleet } from "../bench/load/fleet.ts";
import { positive, readOptions, trackerSocket } from "./lib/arguments.ts";

const ROUND_SECONDS = 5;

const { values, flags } = readOptions(
  "npm run load -- --key KEY [--url …] [--sessions N] [--rate N] [--seconds N]",
  {
    url: { default: "http://localhost:8080", help: "the server" },
    key: { default: process.env["DEFAULT_PROJECT_KEY"] ?? "", help: "ingest key of the project" },
    sessions: { default: "100", help: "sessions, one connection each" },
    rate: { default: "500", help: "batches a second, of all sessions together; a batch is 20 events and about 2 KB" },
    seconds: { default: "30", help: "how long" },
  },
  ["i-own-this"],
);
const url = trackerSocket(values.url, values.key, flags.has("i-own-this"));
if (url.protocol === "wss:") {
  console.error("The load generator speaks plain ws:// only; point it behind the proxy.");
  process.exit(2);
}
const sessions = positive("sessions", values.sessions);
const rate = positive("rate", values.rate);
const seconds = positive("seconds", values.seconds);
const fleet = await openFleet({ url, sessions, frame: packedFrame });
console.log(`${sessions} sessions open; ${rate} batches (${rate * 20} events) a second for ${seconds} s.`);
let faults = 0;
for (let left = seconds; left > 0; left -= ROUND_SECONDS) {
  const round = await fleet.run(rate, Math.min(left, ROUND_SECONDS) * 1000);
  faults += round.faults + round.unacked;
  console.log(
    `sent ${round.sentPerSec.toFixed(0)}/s, acknowledged ${round.ackedPerSec.toFixed(0)}/s, ` +
      `p50 ${round.p50Ms.toFixed(1)} ms, p99 ${round.p99Ms.toFixed(1)} ms, sent again ${round.resent}, ` +
      `never acknowledged ${round.unacked}, faults ${round.faults}`,
  );
}
fleet.close();
process.exitCode = faults > 0 ? 1 : 0;
