/** From a stored payload to rrweb events. A payload is what a stranger sent: it is inflated no further than it said it would go. */

import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import type { Encoding } from "../../protocol/batch.ts";
import { isNestedTooDeep } from "../../protocol/json-depth.ts";
import { MAX_RAW_BYTES } from "../../protocol/limits.ts";
import type { RrwebEvent } from "../../protocol/rrweb-event.ts";

const inflate = promisify(inflateRaw);

/** A batch whose payload is not what its header says: readers treat it as a hole. */
export class DamagedBatch extends Error {
  override readonly name = "DamagedBatch";
}

/** What is needed of a batch to read its events. */
export interface PackedEvents {
  encoding: Encoding;
  rawBytes: number;
  payload: Uint8Array;
}

/**
 * Inflates (off the event loop) and parses a payload. Elements that are no rrweb events are left out.
 * @throws DamagedBatch for a payload that is larger than its header says or than MAX_RAW_BYTES, nested deeper than MAX_DEPTH, or no
 * JSON array
 */
export async function inflateEvents(batch: PackedEvents): Promise<RrwebEvent[]> {
  const limit = Math.min(batch.rawBytes, MAX_RAW_BYTES);
  const bytes = batch.encoding === "json" ? batch.payload : await inflateBytes(batch.payload, limit);
  if (bytes.length > limit) throw new DamagedBatch("larger than its header says");
  const json = new TextDecoder().decode(bytes);
  if (isNestedTooDeep(json)) throw new DamagedBatch("nested too deep");
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new DamagedBatch("not JSON");
  }
  if (!Array.isArray(value)) throw new DamagedBatch("not an array");
  return value.filter(isRrwebEvent);
}

async function inflateBytes(payload: Uint8Array, limit: number): Promise<Uint8Array> {
  try {
    return await inflate(payload, { maxOutputLength: Math.max(1, limit) });
  } catch {
    throw new DamagedBatch("does not inflate to what its header says");
  }
}

function isRrwebEvent(value: unknown): value is RrwebEvent {
  return (
    typeof value === "object" &&
    value !== null &&
    "type" in value &&
    "timestamp" in value &&
    typeof value.type === "number" &&
    typeof value.timestamp === "number"
  );
}
