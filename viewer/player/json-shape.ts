/**
 * Looks at JSON bytes before they are parsed: how deep it nests and how many parts it has. A few megabytes of brackets would otherwise
 * become hundreds of megabytes of objects, or hold the screen for seconds.
 */

import { MAX_JSON_DEPTH, MAX_JSON_PARTS, TooLarge } from "./limits.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/**
 * Refuses JSON that is too deep or has too many parts. Says nothing about whether it is JSON.
 * @throws TooLarge
 */
export function checkShape(bytes: Uint8Array): void {
  let depth = 0;
  let parts = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) i = endOfString(bytes, i + 1);
    else if (byte === 0x7b || byte === 0x5b) {
      parts++;
      if (++depth > MAX_JSON_DEPTH) throw new TooLarge("This page is nested too deeply to be shown");
    } else if (byte === 0x7d || byte === 0x5d) depth--;
    else if (byte === COMMA) parts++;
    if (parts > MAX_JSON_PARTS) throw new TooLarge("This page has more parts than can be shown");
  }
}

/** Index of the quote that ends a string, or of the end of the bytes. */
function endOfString(bytes: Uint8Array, from: number): number {
  for (let i = from; i < bytes.length; i++) {
    if (bytes[i] === BACKSLASH) i++;
    else if (bytes[i] === QUOTE) return i;
  }
  return bytes.length;
}
