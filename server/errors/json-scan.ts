/** Looks over JSON bytes without parsing them: how deep they go, and the text of one name at the top. Both in one pass, without recursion. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;
const SPACE = 0x20;

/** How deep brackets are nested; looks no further than one past `enough`. What is no JSON has some depth as well. */
export function jsonDepth(bytes: Uint8Array, enough: number): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = stringEnd(bytes, at);
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > deepest) deepest = depth;
      if (deepest > enough) return deepest;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
  return deepest;
}

/**
 * The text under `name` in the object that the bytes are, as it stands there: escapes are not undone.
 * @param name ASCII
 * @returns null where there is none, or something else than text
 */
export function topLevelText(bytes: Uint8Array, name: string, maxLength: number): string | null {
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    if (byte !== QUOTE) continue;
    const end = stringEnd(bytes, at);
    const isName = depth === 1 && end - at - 1 === name.length && matches(bytes, at + 1, name);
    at = end;
    if (!isName) continue;
    const colon = afterBlanks(bytes, end + 1);
    const value = bytes[colon] === COLON ? afterBlanks(bytes, colon + 1) : bytes.length;
    if (bytes[value] !== QUOTE) continue;
    const valueEnd = stringEnd(bytes, value);
    if (valueEnd - value - 1 > maxLength) return null;
    return new TextDecoder().decode(bytes.subarray(value + 1, valueEnd));
  }
  return null;
}

/** Where the string that begins at `start` has its closing quote; the end of the bytes where it has none. */
function stringEnd(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return Math.min(at, bytes.length);
}

function matches(bytes: Uint8Array, from: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[from + i] !== name.charCodeAt(i)) return false;
  return true;
}

function afterBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && (bytes[at] ?? 0) <= SPACE) at++;
  return at;
}
