/** From a payload to its events and back, in a worker thread: inflated no further than its header says, and no deeper than a message. */

import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Encoding } from "../../protocol/batch.ts";
import { isNestedTooDeep } from "../../protocol/json-depth.ts";
import { MAX_PAYLOAD_BYTES, MAX_RAW_BYTES, MIN_DEFLATE_BYTES } from "../../protocol/limits.ts";

/** A payload and what its header says of it. */
export interface Packed {
  encoding: Encoding;
  rawBytes: number;
  payload: Uint8Array;
}

/** An event whose data nobody has looked at. */
export interface LooseEvent {
  type: number;
  timestamp: number;
  data?: unknown;
}

/** The events of a payload in order; `isPure` where it holds nothing else. */
export interface Unpacked {
  events: LooseEvent[];
  isPure: boolean;
}

/** Reads a payload; null where it is not what its header says. Elements that are no events are left out. */
export function unpackEvents({ encoding, rawBytes, payload }: Packed): Unpacked | null {
  const limit = Math.min(rawBytes, MAX_RAW_BYTES);
  try {
    const bytes = encoding === "json" ? payload : inflateRawSync(payload, { maxOutputLength: Math.max(1, limit) });
    if (bytes.length > limit) return null;
    const text = new TextDecoder().decode(bytes);
    if (isNestedTooDeep(text)) return null;
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) return null;
    const events = value.filter(isEvent);
    return { events, isPure: events.length === value.length };
  } catch {
    return null;
  }
}

/** Packs events; null where they have become larger than a payload may be. */
export function packEvents(events: readonly LooseEvent[], encoding: Encoding): Packed | null {
  const raw = new TextEncoder().encode(JSON.stringify(events));
  if (raw.length > MAX_RAW_BYTES) return null;
  const isDeflated = encoding === "deflate-raw" || raw.length > MAX_PAYLOAD_BYTES;
  const payload = isDeflated && raw.length >= MIN_DEFLATE_BYTES ? new Uint8Array(deflateRawSync(raw)) : raw;
  if (payload.length > MAX_PAYLOAD_BYTES) return null;
  return { encoding: payload === raw ? "json" : "deflate-raw", rawBytes: raw.length, payload };
}

function isEvent(value: unknown): value is LooseEvent {
  return (
    typeof value === "object" &&
    value !== null &&
    "type" in value &&
    "timestamp" in value &&
    typeof value.type === "number" &&
    typeof value.timestamp === "number"
  );
}
