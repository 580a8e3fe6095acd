/** Which session a Sentry replay is shown as. */

import { createHash } from "node:crypto";

/** The only tab of a replay's session: the SDKs begin another replay for another browser tab. */
export const REPLAY_TAB = "replay";

const REPLAY_ID = /^[0-9a-f]{32}$/;

/** A replay id in its one form: 32 hex digits in lower case; null for anything else. */
export function cleanReplayId(value: unknown): string | null {
  if (typeof value !== "string" || value.length > 64) return null;
  const id = value.replaceAll("-", "").toLowerCase();
  return REPLAY_ID.test(id) ? id : null;
}

/**
 * Id of the session that a replay becomes: always the same for a project and a replay, whether or not anything of it came (yet). Replay
 * ids are the clients' and unique in a project only, so that the project is part of it.
 * @param replayId as {@link cleanReplayId} gives it
 */
export function replaySessionId(projectId: number, replayId: string): string {
  const bytes = createHash("sha256").update(`sentry-replay\n${projectId}\n${replayId}`).digest().subarray(0, 16);
  // RFC 9562, section 5.8: a UUID of version 8 says nothing about how it was made.
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
