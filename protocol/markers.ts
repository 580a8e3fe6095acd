/** Markers: the points of a timeline that are worth jumping to. They ride in the batch header, because the server acts on them. */

import * as v from "valibot";
import { MAX_CAUSES } from "./limits.ts";
import { at, natural, text } from "./text.ts";

export const MARKER_KINDS = [
  "error",
  "console_error",
  "console",
  "failed_request",
  "click",
  "rage_click",
  "dead_click",
  "error_click",
  "thrash",
  "form_abandoned",
  "reload_loop",
  "navigation",
  "page_load",
  "web_vitals",
  "assist",
  "custom",
] as const;

export type MarkerKind = (typeof MARKER_KINDS)[number];

/** Small facts beside a marker: at most 32, scalars only. */
const facts = v.pipe(
  v.record(text(64), v.union([text(1024), v.pipe(v.number(), v.finite()), v.boolean(), v.null()])),
  v.maxEntries(32),
);

/**
 * An error behind another one.
 * - `source`: how that one leads to it: `cause`, or `errors[0]` of one that gathers several
 * - `of`: which one that is: 0 the marker's own error, n the n-th of `causes`
 */
const causeSchema = v.object({
  name: v.optional(text(256)),
  text: v.optional(text(2048)),
  stack: v.optional(text(16_384)),
  source: v.optional(text(64)),
  of: v.optional(natural),
});
export type Cause = v.InferOutput<typeof causeSchema>;

/**
 * - `at`: when it happened, by the page's clock
 * - `name`: error type, element, address, or the name of a custom mark
 * - `text`: message, label or title
 * - `console_error`, `console` (any other call, where the page records its console): `name` is the level as the page called it
 * - `stack`, `causes`: errors only; each cause stands behind what it is the cause of
 * - kinds of friction: `rage_click` (many in one place), `dead_click` (nothing came of it), `error_click` (an error came of it), `thrash` (the
 *   pointer is shaken), `form_abandoned` (filled in and left), `reload_loop` (loaded again and again)
 * - `web_vitals`: of the page that ends, `{lcpMs, inpMs, cls}`; `assist`: what an agent was let do, or did
 * - `data`: e.g. `{method, status, durationMs, url}` of a failed request, `{x, y}` of a click, `{handled, mechanism, release, ...}` of an error
 */
export const markerSchema = v.object({
  kind: v.picklist(MARKER_KINDS),
  at,
  name: v.optional(text(256)),
  text: v.optional(text(2048)),
  stack: v.optional(text(16_384)),
  causes: v.optional(v.pipe(v.array(causeSchema), v.maxLength(MAX_CAUSES))),
  data: v.optional(facts),
});

export type Marker = v.InferOutput<typeof markerSchema>;
