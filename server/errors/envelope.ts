/**
 * The framing of an envelope: a line of JSON, then items, each a line of JSON and a payload. Payloads are views, and nobody looks into them
 * here. The format is the one that SDKs document and speak (https://develop.sentry.dev/sdk/foundations/transport/envelopes/).
 */

import { AppError } from "../app-error.ts";
import { jsonDepth } from "./json-scan.ts";

/** Longest line of JSON, of the envelope or of an item. */
export const MAX_HEADER_BYTES = 8 * 1024;
/** Most items of one envelope; what comes after them is not read. */
export const MAX_ITEMS = 100;
/** Most blank lines between two items; what comes after more of them is not read. SDKs send one or none. */
const MAX_BLANK_BYTES = 1024;
/** Deepest nesting of a line of JSON. */
const MAX_HEADER_DEPTH = 16;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** What a line of JSON says; null prototype, so that no name in it means anything. */
export type Header = Readonly<Record<string, unknown>>;

/** One item as it came. */
export interface Item {
  /** `event`, `session`...; empty where its line does not say. */
  type: string;
  header: Header;
  payload: Uint8Array;
}

/** An envelope taken apart. */
export interface Envelope {
  header: Header;
  items: Item[];
  /** Items that could not be told apart or were more than {@link MAX_ITEMS}; they are left out, their siblings are not. */
  malformed: number;
}

/**
 * Takes an envelope apart. An item whose line is no JSON, or whose length is wrong, is left out together with the line after it, and the
 * next item begins behind that.
 * @throws AppError `protocol` for an envelope whose own line is no JSON object
 */
export function readEnvelope(bytes: Uint8Array): Envelope {
  const first = lineEnd(bytes, 0);
  const header = readHeader(bytes.subarray(0, first));
  if (!header) throw new AppError("protocol", "the envelope does not begin with a line that is a JSON object");
  const envelope: Envelope = { header, items: [], malformed: 0 };
  let at = first + 1;
  for (;;) {
    const line = skipBlankLines(bytes, at);
    if (line >= bytes.length) return envelope;
    if (line - at > MAX_BLANK_BYTES || envelope.items.length + envelope.malformed >= MAX_ITEMS) {
      envelope.malformed++;
      return envelope;
    }
    at = readItem(bytes, line, envelope);
  }
}

/** Adds the item at `at`, or counts it as malformed; returns where the next may begin. */
function readItem(bytes: Uint8Array, at: number, envelope: Envelope): number {
  const headerEnd = lineEnd(bytes, at);
  const header = readHeader(bytes.subarray(at, headerEnd));
  const start = headerEnd + 1;
  const end = header ? payloadEnd(bytes, start, header["length"]) : null;
  if (!header || end === null) {
    envelope.malformed++;
    return lineEnd(bytes, start) + 1;
  }
  const type = typeof header["type"] === "string" ? header["type"] : "";
  envelope.items.push({ type, header, payload: bytes.subarray(Math.min(start, bytes.length), end) });
  return end + 1;
}

/** Where a payload ends; null where its length is no length, or does not lead to the end of a line. */
function payloadEnd(bytes: Uint8Array, start: number, length: unknown): number | null {
  if (length === undefined || length === null) {
    const end = lineEnd(bytes, start);
    return bytes[end - 1] === CARRIAGE_RETURN && end > start ? end - 1 : end;
  }
  if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 0) return null;
  const end = start + length;
  if (end > bytes.length && !(length === 0 && start > bytes.length)) return null;
  return end >= bytes.length || bytes[end] === NEWLINE ? Math.min(end, bytes.length) : null;
}

function lineEnd(bytes: Uint8Array, from: number): number {
  const end = bytes.indexOf(NEWLINE, from);
  return end < 0 ? bytes.length : end;
}

function skipBlankLines(bytes: Uint8Array, from: number): number {
  const end = from + MAX_BLANK_BYTES;
  let at = from;
  while (at <= end && (bytes[at] === NEWLINE || bytes[at] === CARRIAGE_RETURN)) at++;
  return at;
}

/** A line of JSON; null for what is too long, too deep, or no object. */
function readHeader(line: Uint8Array): Header | null {
  if (line.length > MAX_HEADER_BYTES || jsonDepth(line, MAX_HEADER_DEPTH) > MAX_HEADER_DEPTH) return null;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(line));
    if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
    return Object.assign(Object.create(null) as Record<string, unknown>, Object.fromEntries(Object.entries(value)));
  } catch {
    return null;
  }
}
