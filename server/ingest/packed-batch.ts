/**
 * The hot-path check of a packed batch: says of every value exactly what `packedBatchSchema` says, at a fraction of its cost
 * (a property test holds the two together). Who needs to know what is wrong asks the schema.
 */

import * as v from "valibot";
import { batchHeaderFields, ENCODINGS, type Encoding, type PackedBatch } from "../../protocol/batch.ts";
import { isTabId } from "../../protocol/ids.ts";
import { MAX_BATCH_EVENTS, MAX_PAYLOAD_BYTES, MAX_RAW_BYTES } from "../../protocol/limits.ts";
import type { Marker } from "../../protocol/markers.ts";

/** Latest moment that a page's clock may name (the end of ECMAScript's time). */
const MAX_AT = 8.64e15;
const NO_MARKERS: Marker[] = [];

/** The batch that `data` holds, without what the schema does not know; null where `packedBatchSchema` would refuse it. */
export function parsePackedBatch(data: unknown): PackedBatch | null {
  if (!isObject(data)) return null;
  const { tab, seq, firstAt, lastAt, count, checkout, encoding, rawBytes, payload } = data;
  if (tab !== undefined && !isTabId(tab)) return null;
  if (!isNatural(seq) || !isNatural(count) || count > MAX_BATCH_EVENTS || !isNatural(rawBytes) || rawBytes > MAX_RAW_BYTES)
    return null;
  if (!isAt(firstAt) || !isAt(lastAt) || lastAt < firstAt) return null;
  if (checkout !== undefined && typeof checkout !== "boolean") return null;
  if (!isEncoding(encoding)) return null;
  if (!(payload instanceof Uint8Array) || payload.length > MAX_PAYLOAD_BYTES) return null;
  const markers = parseMarkers(data["markers"]);
  if (markers === null) return null;
  return { tab, seq, firstAt, lastAt, count, checkout: checkout ?? false, encoding, rawBytes, markers, payload };
}

type Header = Partial<Record<keyof PackedBatch, unknown>>;

function isObject(value: unknown): value is Header {
  return typeof value === "object" && value !== null;
}

function isNatural(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isAt(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= MAX_AT;
}

function isEncoding(value: unknown): value is Encoding {
  return value === ENCODINGS[1] || value === ENCODINGS[0];
}

/** Few batches carry markers, so the schema itself is fast enough for them. */
function parseMarkers(value: unknown): Marker[] | null {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return NO_MARKERS;
  const result = v.safeParse(batchHeaderFields.markers, value);
  return result.success ? result.output : null;
}
