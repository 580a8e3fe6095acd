/** Payloads as they lie in `session_events`, and as the wire carries them. */

import type { Encoding } from "../../protocol/batch.ts";
import { AS_RECEIVED, repairRecording } from "../recordings/recordings.ts";
import type { PackedEvents } from "./inflate.ts";

/** What is needed of a row. */
export interface StoredPayload {
  encoding: number;
  raw_bytes: number;
  payload: Uint8Array;
}

/** Events that nobody can read: an array that never ends. */
const DAMAGED: PackedEvents = { encoding: "json", rawBytes: 1, payload: Uint8Array.of(0x5b) };

/**
 * The payload of a row for readers. A tracker's goes as it is; a segment of a Sentry replay is stored as received and repaired here. One
 * that cannot be is damaged, as a tracker's can be, and is treated like that.
 */
export async function readStored(row: StoredPayload): Promise<PackedEvents> {
  if (row.encoding !== AS_RECEIVED) return { encoding: toEncoding(row.encoding), rawBytes: row.raw_bytes, payload: row.payload };
  const repaired = await repairRecording(row.payload);
  return repaired ? { encoding: "deflate-raw", rawBytes: repaired.rawBytes, payload: repaired.payload } : DAMAGED;
}

function toEncoding(stored: number): Encoding {
  return stored === 1 ? "deflate-raw" : "json";
}
