/** What ingest asks of redaction: the interface that `server/privacy` implements, handed in by `server/app.ts`. */

import type { Encoding } from "../../protocol/batch.ts";
import type { Marker } from "../../protocol/markers.ts";
import type { RrwebEvent } from "../../protocol/rrweb-event.ts";
import type { SessionStart, SessionUpdate } from "../../protocol/tracker-messages.ts";

/** A payload and what its header says of it. */
export interface PackedPayload {
  encoding: Encoding;
  rawBytes: number;
  payload: Uint8Array;
}

/** Takes secrets out of what trackers send, by the settings of a project. None of it throws. */
export interface Redaction {
  markers(projectId: number, markers: Marker[]): Marker[];
  start(projectId: number, start: SessionStart): SessionStart;
  update(projectId: number, update: SessionUpdate): SessionUpdate;
  /** Plain events, changed in place; false where there is too much to read at once, and then `payload` is to be asked. */
  events(projectId: number, events: readonly RrwebEvent[]): boolean;
  /** True where this project wants its payloads redacted. */
  readsPayloads(projectId: number): boolean;
  /**
   * A payload without its secrets, or null for one that cannot be read, and so must not be kept. The answer itself is null where
   * no more can be taken at the moment.
   */
  payload(projectId: number, packed: PackedPayload): Promise<PackedPayload | null> | null;
}
