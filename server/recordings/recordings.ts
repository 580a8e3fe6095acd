/**
 * The door of recordings: what Sentry's replay SDKs send is stored as it was received and repaired when it is read, so that a better repair
 * helps old recordings too.
 */

import { RecordingTooLarge } from "./open-recording.ts";
import { repair, type RepairedRecording } from "./repair.ts";
import { createRepairThread } from "./thread.ts";

export { readJson } from "./open-recording.ts";
export type { RepairedRecording } from "./repair.ts";

/** `session_events.encoding` of a payload that is a `replay_recording` item as it was received. */
export const AS_RECEIVED = 2;

/** How far a segment may inflate; SDKs end theirs at 20 MB. */
const MAX_INFLATED_BYTES = 32 * 1024 * 1024;
/** Larger ones are repaired in a thread: this much takes a few milliseconds. */
const MAX_INLINE_BYTES = 256 * 1024;

/** Stateless but for its idle timer, like the threads of zlib: one for the process. */
const thread = createRepairThread();

/**
 * Makes a stored segment playable: its times in milliseconds and in order, a checkout in front where a page begins.
 * @returns null for what nobody could play; it is shown as a gap
 */
export async function repairRecording(recording: Uint8Array): Promise<RepairedRecording | null> {
  if (recording.length <= MAX_INLINE_BYTES) {
    try {
      return repair(recording, MAX_INLINE_BYTES);
    } catch (error) {
      if (!(error instanceof RecordingTooLarge)) throw error;
    }
  }
  return thread.perform({ recording, maxBytes: MAX_INFLATED_BYTES });
}
