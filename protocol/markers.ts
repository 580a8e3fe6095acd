/** Markers: the points of a timeline that are worth jumping to. They ride in the batch header, because the server acts on them. */

import * as v from "valibot";
import { at, text } from "./text.ts";

export const MARKER_KINDS = [
  "error",
  "console_error",
  "failed_request",
  "click",
  "rage_click",
  "navigation",
  "page_load",
  "custom",
] as const;

export type MarkerKind = (typeof MARKER_KINDS)[number];

/** Small facts beside a marker: at most 32, scalars only. */
const facts = v.pipe(
  v.record(text(64), v.union([text(1024), v.pipe(v.number(), v.finite()), v.boolean(), v.null()])),
  v.maxEntries(32),
);

/**
 * - `at`: when it happened, by the page's clock
 * - `name`: error type, element, address, or the name of a custom mark
 * - `text`: message, label or title
 * - `stack`: errors only
 * - `data`: e.g. `{method, status, durationMs, url}` of a failed request, `{x, y}` of a click, `{handled, mechanism}` of an error
 */
export const markerSchema = v.object({
  kind: v.picklist(MARKER_KINDS),
  at,
  name: v.optional(text(256)),
  text: v.optional(text(2048)),
  stack: v.optional(text(16_384)),
  data: v.optional(facts),
});

export type Marker = v.InferOutput<typeof markerSchema>;
