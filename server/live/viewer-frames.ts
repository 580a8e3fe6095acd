/** What viewers get, as frames in their form: binary ones with the tracker's bytes, text ones with plain events. */

import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import { encodeBinary, encodeText } from "../../protocol/codec.ts";
import type { ToViewerMessage } from "../../protocol/viewer-messages.ts";
import type { BatchRow } from "../store/store.ts";

export type Form = "binary" | "text";

/** Largest batch, inflated, that a text viewer gets; parsing a larger one would hold up everybody. */
export const MAX_TEXT_RAW_BYTES = 8 * 1024 * 1024;

const inflate = promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(inflateRaw);

/** One message in both forms, for several viewers. */
export interface Frames {
  binary: Uint8Array;
  text: string;
}

/** Any message to a viewer, in its form. */
export function encodeMessage(form: Form, message: ToViewerMessage): Uint8Array | string {
  return form === "binary" ? encodeBinary(message.type, message.data) : encodeText(message.type, message.data);
}

/** Any message in both forms, for viewers of both kinds. */
export function encodeForAll(message: ToViewerMessage): Frames {
  return { binary: encodeBinary(message.type, message.data), text: encodeText(message.type, message.data) };
}

/** A batch for binary viewers: payload as it came from the tracker. */
export function encodeBatch(row: BatchRow): Uint8Array {
  return encodeBinary("events_batch", { ...headerOf(row), payload: row.payload });
}

/** The same for text viewers, inflated within bounds and checked to be a JSON array; null where it is not, or is too large. */
export async function encodePlainBatch(row: BatchRow): Promise<string | null> {
  const json = await readJson(row);
  if (json === null) return null;
  // The events go as the text that they came in: parsed to be checked, not written again.
  const header = JSON.stringify(headerOf(row));
  return `{"type":"events_batch","data":${header.slice(0, -1)},"events":${json}}}`;
}

function headerOf(row: BatchRow) {
  const { sessionId, tab, seq, firstAt, lastAt, count, checkout, encoding, rawBytes, markers } = row;
  return { sessionId, tab, seq, firstAt, lastAt, count, checkout, encoding, rawBytes, markers };
}

async function readJson(row: BatchRow): Promise<string | null> {
  if (row.rawBytes > MAX_TEXT_RAW_BYTES) return null;
  try {
    const raw =
      row.encoding === "json" ? row.payload : await inflate(row.payload, { maxOutputLength: Math.max(1, row.rawBytes) });
    if (raw.length > MAX_TEXT_RAW_BYTES) return null;
    const json = new TextDecoder("utf-8", { fatal: true }).decode(raw);
    return Array.isArray(JSON.parse(json)) ? json : null;
  } catch {
    return null;
  }
}
