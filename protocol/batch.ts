/** The batch: unit of order, acknowledgement, storage and fan-out. Packed (header and opaque payload) or plain (rrweb events). */

import * as v from "valibot";
import { isTabId } from "./ids.ts";
import { MAX_BATCH_EVENTS, MAX_BATCH_MARKERS, MAX_PAYLOAD_BYTES, MAX_RAW_BYTES } from "./limits.ts";
import { markerSchema } from "./markers.ts";
import { rrwebEventSchema } from "./rrweb-event.ts";
import { at, natural } from "./text.ts";

/** How a payload holds its events: the UTF-8 JSON array itself, or that behind `deflate-raw` (RFC 1951). */
export const ENCODINGS = ["json", "deflate-raw"] as const;
export type Encoding = (typeof ENCODINGS)[number];

export const tabSchema = v.custom<string>(isTabId, "must be 1 to 32 characters of A-Z a-z 0-9 _ -");

const bytes = v.custom<Uint8Array>(
  (value) => value instanceof Uint8Array && value.length <= MAX_PAYLOAD_BYTES,
  `must be at most ${MAX_PAYLOAD_BYTES} bytes`,
);

const markers = v.pipe(v.array(markerSchema), v.maxLength(MAX_BATCH_MARKERS));

/** The header of a packed batch: all that the server reads of it on the hot path. */
export const batchHeaderFields = {
  tab: v.optional(tabSchema),
  /** Number of this batch within (session, tab), from 0, without holes. */
  seq: natural,
  /** Page time of the first and the last event. */
  firstAt: at,
  lastAt: at,
  /** Events inside. */
  count: v.pipe(natural, v.maxValue(MAX_BATCH_EVENTS)),
  /** True where the payload begins with Meta + full snapshot. */
  checkout: v.optional(v.boolean(), false),
  encoding: v.picklist(ENCODINGS),
  /** Bytes of the JSON array before compression: where a reader stops inflating. */
  rawBytes: v.pipe(natural, v.maxValue(MAX_RAW_BYTES)),
  markers: v.optional(markers, []),
} as const;

/** A packed batch as a tracker sends it. In the JSON form `payload` is base64; the codec turns it into bytes. */
export const packedBatchSchema = v.pipe(
  v.object({ ...batchHeaderFields, payload: bytes }),
  v.check((batch) => batch.lastAt >= batch.firstAt, "lastAt is before firstAt"),
);
export type PackedBatch = v.InferOutput<typeof packedBatchSchema>;

/** A plain batch: rrweb events as they are; the server gives it its seq. */
export const plainBatchSchema = v.object({
  tab: v.optional(tabSchema),
  events: v.pipe(v.array(rrwebEventSchema), v.minLength(1), v.maxLength(MAX_BATCH_EVENTS)),
  markers: v.optional(markers, []),
});
export type PlainBatch = v.InferOutput<typeof plainBatchSchema>;

/** A packed batch on its way to a viewer, live or from the database: the tracker's bytes, and whose they are. */
export const viewerBatchSchema = v.object({
  ...batchHeaderFields,
  sessionId: v.string(),
  tab: tabSchema,
  payload: bytes,
});
export type ViewerBatch = v.InferOutput<typeof viewerBatchSchema>;

/** The same for a viewer that speaks JSON. */
export const viewerPlainBatchSchema = v.object({
  ...batchHeaderFields,
  sessionId: v.string(),
  tab: tabSchema,
  events: v.array(rrwebEventSchema),
});
export type ViewerPlainBatch = v.InferOutput<typeof viewerPlainBatchSchema>;
