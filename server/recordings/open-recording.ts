/** From a `replay_recording` item as it was received to the events in it. It is a stranger's: everything about it is bounded. */

import { inflateSync } from "node:zlib";
import { isNestedTooDeep } from "../../protocol/json-depth.ts";

/** Longest first line; SDKs write `{"segment_id":n}`. */
const MAX_LINE_BYTES = 256;
const NEWLINE = 10;
/** First byte of a zlib stream with a 32 KiB window, which is what SDKs make. */
const ZLIB = 0x78;

/** What is in a recording, before anything is repaired. */
export interface OpenedRecording {
  /** Number of the segment as its first line says; null where it says none. */
  segmentId: number | null;
  events: readonly unknown[];
}

/** Thrown where a recording inflates to more than was allowed. */
export class RecordingTooLarge extends Error {
  override readonly name = "RecordingTooLarge";
}

/**
 * Opens a recording.
 * @param maxBytes how far it may inflate
 * @returns null for what is no recording: not JSON, not a list, nested too deep, damaged
 * @throws RecordingTooLarge
 */
export function openRecording(recording: Uint8Array, maxBytes: number): OpenedRecording | null {
  const end = recording.subarray(0, MAX_LINE_BYTES).indexOf(NEWLINE);
  if (end < 0) return null;
  const line = readJson(recording.subarray(0, end));
  const json = inflate(recording.subarray(end + 1), maxBytes);
  if (json === null) return null;
  const events = readJson(json);
  return Array.isArray(events) ? { segmentId: segmentOf(line), events } : null;
}

function inflate(rest: Uint8Array, maxBytes: number): Uint8Array | null {
  if (rest[0] !== ZLIB) {
    if (rest.length > maxBytes) throw new RecordingTooLarge();
    return rest;
  }
  try {
    return inflateSync(rest, { maxOutputLength: maxBytes });
  } catch (error) {
    if (error instanceof RangeError) throw new RecordingTooLarge();
    return null;
  }
}

function segmentOf(line: unknown): number | null {
  if (typeof line !== "object" || line === null || !("segment_id" in line)) return null;
  const { segment_id: id } = line;
  return typeof id === "number" && Number.isInteger(id) && id >= 0 ? id : null;
}

/** Parses JSON; null for what is none, and for what nests too deep. */
export function readJson(bytes: Uint8Array): unknown {
  const json = new TextDecoder().decode(bytes);
  if (isNestedTooDeep(json)) return null;
  try {
    const value: unknown = JSON.parse(json);
    return value;
  } catch {
    return null;
  }
}
