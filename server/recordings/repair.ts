/** One segment of a Sentry replay, as received, made into what our readers take. */

import { deflateRawSync } from "node:zlib";
import { MAX_BATCH_EVENTS, MAX_PAYLOAD_BYTES } from "../../protocol/limits.ts";
import type { Marker } from "../../protocol/markers.ts";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";
import { openRecording } from "./open-recording.ts";
import { markersOf } from "./recording-markers.ts";
import { repairEvents } from "./repair-events.ts";

/** A segment that can be played. */
export interface RepairedRecording {
  segmentId: number;
  /** Its events as a JSON array behind deflate-raw. */
  payload: Uint8Array<ArrayBuffer>;
  /** Bytes of that array. */
  rawBytes: number;
  count: number;
  firstAt: number;
  lastAt: number;
  /** True where it begins with Meta + full snapshot. */
  checkout: boolean;
  markers: Marker[];
  /** Of the newest Meta event in it; null where it has none. */
  page: { href: string; width: number; height: number } | null;
}

/**
 * Repairs a segment. Blocks: for a few milliseconds where it is small.
 * @param maxBytes how far it may inflate
 * @returns null for what nobody could play: damaged, empty, or more than a viewer takes at once
 * @throws RecordingTooLarge
 */
export function repair(recording: Uint8Array, maxBytes: number): RepairedRecording | null {
  const opened = openRecording(recording, maxBytes);
  if (opened === null) return null;
  const segmentId = opened.segmentId ?? 0;
  const { events, checkout } = repairEvents(opened.events, segmentId === 0);
  const [first] = events;
  const last = events.at(-1);
  if (first === undefined || last === undefined || events.length > MAX_BATCH_EVENTS) return null;
  const json = Buffer.from(JSON.stringify(events));
  const payload = new Uint8Array(deflateRawSync(json, { level: 1 }));
  if (payload.length > MAX_PAYLOAD_BYTES) return null;
  return {
    segmentId,
    payload,
    rawBytes: json.length,
    count: events.length,
    firstAt: first.timestamp,
    lastAt: last.timestamp,
    checkout,
    markers: markersOf(events),
    page: pageOf(events),
  };
}

function pageOf(events: readonly RrwebEvent[]): RepairedRecording["page"] {
  const meta = events.findLast(({ type }) => type === RRWEB.meta)?.["data"];
  if (typeof meta !== "object" || meta === null || !("href" in meta) || !("width" in meta) || !("height" in meta)) return null;
  const { href, width, height } = meta;
  if (typeof href !== "string" || typeof width !== "number" || typeof height !== "number") return null;
  return { href: href.slice(0, 2048), width, height };
}
