/**
 * The file that a session is exported as, and imported from: one JSON object, described in `docs/export-format.md`. The HTML export holds the
 * same object behind gzip and base64, in pieces.
 */

import * as v from "valibot";
import { tabSchema } from "./batch.ts";
import { MAX_BATCH_EVENTS, MAX_BATCH_MARKERS, MAX_DEPTH } from "./limits.ts";
import { markerSchema } from "./markers.ts";
import { rrwebEventSchema } from "./rrweb-event.ts";
import { pageFields, viewportSchema } from "./session.ts";
import { at, natural, text } from "./text.ts";

/** What the object says in `format` and `version`. A reader refuses any other version. */
export const SESSION_FILE_FORMAT = "watchback-session";
export const SESSION_FILE_VERSION = 1;

/** Name of the list that holds the recording. */
export const SESSION_FILE_LIST = "batches";

/** `type` of the script elements of an exported page that hold the recording; browsers run no script of such a type. */
export const SESSION_FILE_ELEMENT = "application/x-watchback-session";

/** Largest batch of a file, as JSON: what a viewer opens at most. */
export const MAX_FILE_BATCH_BYTES = 32 * 1024 * 1024;
/** Deepest nesting of a file: that of a payload, and four levels around it. */
export const MAX_FILE_DEPTH = MAX_DEPTH + 4;

const MAX_TABS = 5_000;

/** A page context of the session. */
const fileTab = v.object({
  tab: tabSchema,
  tabGroup: v.optional(text(32), ""),
  url: v.optional(text(4096), ""),
  title: v.optional(text(512), ""),
  viewport: v.optional(v.nullable(viewportSchema), null),
});

/**
 * Everything besides the recording.
 * - `session`: what was known of the visit; everything is a claim of whoever made the file
 * - `range`: which part of the session that is, in page time; null for all of it
 */
export const sessionFileHeadSchema = v.object({
  format: v.literal(SESSION_FILE_FORMAT),
  version: v.literal(SESSION_FILE_VERSION),
  exportedAt: at,
  session: v.object({
    sessionId: v.optional(text(64), ""),
    userId: pageFields.userId,
    traits: pageFields.traits,
    url: pageFields.url,
    title: pageFields.title,
    userAgent: pageFields.userAgent,
    viewport: v.optional(v.nullable(viewportSchema), null),
    referrer: pageFields.referrer,
    timeZone: pageFields.timeZone,
    language: pageFields.language,
    release: pageFields.release,
    environment: pageFields.environment,
  }),
  range: v.optional(v.nullable(v.object({ from: at, to: at })), null),
  tabs: v.pipe(v.array(fileTab), v.maxLength(MAX_TABS)),
});
export type SessionFileHead = v.InferOutput<typeof sessionFileHeadSchema>;

/** One batch: what a page context recorded at once. The batches of a context are in the order of their seq; a seq that is missing is a gap. */
export const sessionFileBatchSchema = v.object({
  tab: tabSchema,
  seq: natural,
  events: v.pipe(v.array(rrwebEventSchema), v.minLength(1), v.maxLength(MAX_BATCH_EVENTS)),
  markers: v.optional(v.pipe(v.array(markerSchema), v.maxLength(MAX_BATCH_MARKERS)), []),
});
export type SessionFileBatch = v.InferOutput<typeof sessionFileBatchSchema>;
