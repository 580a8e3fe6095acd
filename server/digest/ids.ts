/** Ids of occurrences. Clients make theirs, so they are unique in a project only; ours are made of both. */

import { createHash } from "node:crypto";

const EVENT_ID = /^[0-9a-f]{32}$/;

/** What an id is made of. */
interface IdSource {
  intakeId: number;
  projectId: number;
  head: { event_id: string };
}

/**
 * The event's id, 32 hex digits: the envelope's, else the payload's, else one that is made of the intake row, so that a second digest of
 * the same row comes to the same.
 */
export function eventIdOf({ intakeId, projectId, head }: IdSource, payloadId: unknown): string {
  const said = [head.event_id, payloadId].map((id) => (typeof id === "string" ? id.replaceAll("-", "").toLowerCase() : ""));
  return said.find((id) => EVENT_ID.test(id)) ?? sha256(`intake\n${projectId}\n${intakeId}`).toString("hex").slice(0, 32);
}

/** The occurrence's id: a UUID of version 8 (RFC 9562, section 5.8) over project and event id. */
export function errorIdOf(projectId: number, eventId: string): string {
  const bytes = sha256(`event\n${projectId}\n${eventId}`).subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
