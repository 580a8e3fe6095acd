/** `npm run play -- FILE|--demo`: plays a recorded visit as a tracker, to watch it live without a browser. */

import { fileURLToPath } from "node:url";
import { positive, readOptions, trackerSocket } from "./lib/arguments.ts";
import { playRecording } from "./lib/play-recording.ts";
import { readRecording, spanOf } from "./lib/recording.ts";

const DEMO = fileURLToPath(new URL("../test/fixtures/recordings/visit.json.gz", import.meta.url));

const { values, flags, rest } = readOptions(
  "npm run play -- FILE|--demo --key KEY [--url …] [--speed N] [--keep-open]: plays a recording (ours, or a JSON array of rrweb events)",
  {
    url: { default: "http://localhost:8080", help: "the server" },
    key: { default: process.env["DEFAULT_PROJECT_KEY"] ?? "", help: "ingest key of the project" },
    speed: { default: "1", help: "how much faster than it happened; 0 sends it all at once" },
    user: { default: "", help: "user id of the session" },
  },
  ["demo", "keep-open", "i-own-this"],
);
const file = flags.has("demo") ? DEMO : rest[0];
if (file === undefined) {
  console.error("Name a recording, or say --demo.");
  process.exit(2);
}
const recording = readRecording(file);
const { startAt, endAt } = spanOf(recording);
const speed = values.speed === "0" ? Number.POSITIVE_INFINITY : positive("speed", values.speed);
console.log(`Playing ${recording.name}, ${Math.round((endAt - startAt) / 1000)} s of it, ${recording.pages.length} page(s).`);
const sessionId = await playRecording(recording, {
  url: trackerSocket(values.url, values.key, flags.has("i-own-this")),
  speed,
  ...(values.user === "" ? {} : { userId: values.user }),
  end: !flags.has("keep-open"),
});
console.log(`Session ${sessionId}: everything is stored.`);
