/** Ids that the page makes: sessions (UUIDv7, so that they sort by time) and tabs (12 random characters). */

const SESSION_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{3,63}$/;
const TAB_ID = /^[A-Za-z0-9_-]{1,32}$/;
const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";

/** The tab of a peer that names none (the plain JSON dialect). */
export const DEFAULT_TAB = "main";

/** True for what may be a session id: 4 to 64 characters of `A-Z a-z 0-9 _ -`. Trackers of ours send a UUIDv7. */
export function isSessionId(value: unknown): value is string {
  return typeof value === "string" && SESSION_ID.test(value);
}

/** True for what may be a tab id: 1 to 32 characters of `A-Z a-z 0-9 _ -`. */
export function isTabId(value: unknown): value is string {
  return typeof value === "string" && TAB_ID.test(value);
}

/**
 * Builds a UUIDv7 (RFC 9562, section 5.7).
 * @param nowMs epoch milliseconds; its low 48 bits become the first 6 bytes
 * @param random 10 random bytes from the platform's cryptographic source
 */
export function createSessionId(nowMs: number, random: Uint8Array): string {
  const bytes = new Uint8Array(16);
  let time = Math.floor(nowMs);
  for (let i = 5; i >= 0; i--) {
    bytes[i] = time % 256;
    time = Math.floor(time / 256);
  }
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  let text = "";
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
    text += (bytes[i] ?? 0).toString(16).padStart(2, "0");
  }
  return text;
}

/** Builds a tab id of one character per random byte. */
export function createTabId(random: Uint8Array): string {
  let text = "";
  for (const byte of random) text += ALPHABET[byte & 63] ?? "";
  return text;
}
