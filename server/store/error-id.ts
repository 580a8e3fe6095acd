/** The id of an occurrence: made of where it is, so that a batch that is sent twice makes one. */

import { createHash } from "node:crypto";

/**
 * The first 16 bytes of SHA-256 over session id, tab, seq and ordinal, marked as a UUID of version 8 (RFC 9562, section 5.8).
 * @param ordinal place of the marker in its batch
 */
export function errorId(sessionId: string, tab: string, seq: number, ordinal: number): Buffer {
  const bytes = createHash("sha256").update(`${sessionId}\n${tab}\n${seq}\n${ordinal}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes;
}

/** A UUID's 16 bytes in the form that people and Postgres write. */
export function toUuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
