/** A recorded visit in a file: what `npm run play` and `npm run seed` play back as a tracker would have sent it. */

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as v from "valibot";
import { markerSchema } from "../../protocol/markers.ts";
import { rrwebEventSchema } from "../../protocol/rrweb-event.ts";
import { viewportSchema } from "../../protocol/session.ts";

/** One page load: everything between two navigations. Pages of the same `group` were in the same browser tab. */
const pageSchema = v.object({
  group: v.string(),
  url: v.string(),
  title: v.string(),
  events: v.pipe(v.array(rrwebEventSchema), v.minLength(1)),
  markers: v.array(markerSchema),
});
export type RecordedPage = v.InferOutput<typeof pageSchema>;

const recordingSchema = v.object({
  name: v.string(),
  userAgent: v.string(),
  viewport: viewportSchema,
  pages: v.pipe(v.array(pageSchema), v.minLength(1)),
});
export type Recording = v.InferOutput<typeof recordingSchema>;

/**
 * Reads a recording (`.json` or `.json.gz`), or a bare JSON array of rrweb events as other tools write it.
 * @throws Error that names the file and what is wrong with it
 */
export function readRecording(file: string): Recording {
  const bytes = readFileSync(file);
  const isZipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const parsed: unknown = JSON.parse((isZipped ? gunzipSync(bytes) : bytes).toString("utf8"));
  const value = Array.isArray(parsed) ? fromEvents(file, parsed) : parsed;
  const result = v.safeParse(recordingSchema, value);
  if (!result.success)
    throw new Error(`${file} is no recording: ${v.getDotPath(result.issues[0]) ?? ""} ${result.issues[0].message}`);
  return result.output;
}

function fromEvents(name: string, events: unknown[]): unknown {
  const url = /"href":"([^"]+)"/.exec(JSON.stringify(events.slice(0, 5)))?.[1] ?? "";
  const page = { group: "first", url, title: name, events, markers: [] };
  return { name, userAgent: "recording", viewport: { width: 1280, height: 800 }, pages: [page] };
}

/** Time of the first and the last event of all pages. */
export function spanOf(recording: Recording): { startAt: number; endAt: number } {
  const times = recording.pages.flatMap((page) => page.events.map((event) => event.timestamp));
  return { startAt: times.reduce((a, b) => Math.min(a, b)), endAt: times.reduce((a, b) => Math.max(a, b)) };
}
