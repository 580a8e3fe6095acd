/** What the threads of this room are asked, and what they answer. Everything crosses as a structured clone. */

import type { ReadUpload, UploadFacts } from "./artifact.ts";
import type { FoundPlace, WantedPlace } from "./opened-map.ts";

/** Find places by the map of an artifact; the map comes along where the thread has said that it has it not. */
export interface MapTask {
  kind: "map";
  artifactId: number;
  places: readonly WantedPlace[];
  bodies: { map: Uint8Array; source: Uint8Array | null } | null;
}

/** Read an upload. */
export interface ReadTask {
  kind: "read";
  bytes: Uint8Array;
  facts: UploadFacts;
}

export type Task = MapTask | ReadTask;

/**
 * - `mapped`: a place, or null, for each that was asked for
 * - `absent`: the thread has not this map; ask again and send it
 * - `bad_map`: it cannot be read
 * - `read`: what the upload holds
 * - `refused`: the upload cannot be read, with the reason for whoever sent it
 * - `failed`: the thread ended over it, twice
 */
export type TaskResult =
  | { kind: "mapped"; places: readonly (FoundPlace | null)[] }
  | { kind: "absent" }
  | { kind: "bad_map" }
  | { kind: "read"; upload: ReadUpload }
  | { kind: "refused"; reason: string }
  | { kind: "failed" };
