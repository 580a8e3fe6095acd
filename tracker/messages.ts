/** Messages as bytes or text: control messages as JSON on a socket, everything as MessagePack over HTTP. */

import { packMessage } from "../protocol/msgpack-encode.ts";
import type { PackedBatch } from "../protocol/batch.ts";
import type { FromTrackerMessage, ToTrackerMessage } from "../protocol/tracker-messages.ts";

/** What this tracker says: everything a tracker may, but batches only packed. */
export type OwnMessage = Exclude<FromTrackerMessage, { type: "events_batch" }> | { type: "events_batch"; data: PackedBatch };

/** A message as a text frame; the server answers the first one in kind. */
export function toText(message: OwnMessage): string {
  return JSON.stringify(message);
}

/** A message as a binary frame. */
export function toBytes(message: OwnMessage): Uint8Array<ArrayBuffer> {
  return packMessage(message);
}

/** True for what has the shape of a message of the server. Its fields are trusted: this is the site's own server. */
export function isMessage(value: unknown): value is ToTrackerMessage {
  return typeof value === "object" && value !== null && "type" in value && "data" in value && Boolean(value.data);
}
