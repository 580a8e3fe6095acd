/** `npm run seed`: fills a running server with sample sessions of real rrweb events, by the way that every tracker takes. */

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { positive, readOptions, trackerSocket } from "./lib/arguments.ts";
import { playRecording } from "./lib/play-recording.ts";
import { readRecording } from "./lib/recording.ts";

const FOLDER = fileURLToPath(new URL("../test/fixtures/recordings/", import.meta.url));
const VISITORS = ["ada", "grace", "edsger", "barbara", "alan", "katherine", "", ""];

const { values, flags } = readOptions(
  "npm run seed -- --key KEY [--url …] [--sessions N]: sample sessions, with errors, several page loads and browser tabs",
  {
    url: { default: "http://localhost:8080", help: "the server" },
    key: { default: process.env["DEFAULT_PROJECT_KEY"] ?? "", help: "ingest key of the project" },
    sessions: { default: "12", help: "how many" },
  },
  ["i-own-this"],
);
const url = trackerSocket(values.url, values.key, flags.has("i-own-this"));
const recordings = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json.gz"))
  .map((name) => readRecording(`${FOLDER}${name}`));
const count = positive("sessions", values.sessions);
for (let i = 0; i < count; i++) {
  const recording = recordings[i % recordings.length];
  const visitor = VISITORS[i % VISITORS.length] ?? "";
  if (!recording) break;
  const sessionId = await playRecording(recording, {
    url,
    speed: Number.POSITIVE_INFINITY,
    ...(visitor === "" ? {} : { userId: visitor, traits: { plan: i % 2 === 0 ? "free" : "paid" } }),
    end: true,
  });
  console.log(`${sessionId}  ${recording.name}${visitor === "" ? "" : ` by ${visitor}`}`);
}
