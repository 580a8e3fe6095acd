/** What a tracker and the server say to each other. */

import * as v from "valibot";
import { fromHelpedPage, toHelpedPage } from "./assist.ts";
import { packedBatchSchema, plainBatchSchema, tabSchema } from "./batch.ts";
import { isSessionId } from "./ids.ts";
import { pageFields } from "./session.ts";
import { natural, text } from "./text.ts";

export const sessionIdSchema = v.custom<string>(isSessionId, "must be 4 to 64 characters of A-Z a-z 0-9 _ -");

/**
 * The tracker's first message. A session id is bound at its first use to the project and to `resumeToken`; whoever comes later with
 * another token is given a fresh session id. A tracker may choose the token itself (16 to 128 characters), so that the tabs of
 * one browser can share a session from its first moment.
 */
export const sessionStartSchema = v.object({
  ...pageFields,
  sessionId: v.optional(sessionIdSchema),
  tab: v.optional(tabSchema),
  resumeToken: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{16,128}$/))),
  /** True of a tracker that answers every `resend`, with the batches or with `gap`; a hole of its seqs is never given up for it. */
  answersResend: v.optional(v.boolean()),
});
export type SessionStart = v.InferOutput<typeof sessionStartSchema>;

/** The page's address, title or user changed, within the same page context (an SPA navigation, `identify`). */
export const sessionUpdateSchema = v.object({
  url: v.optional(text(4096)),
  title: v.optional(text(512)),
  userId: pageFields.userId,
  traits: pageFields.traits,
  viewport: pageFields.viewport,
});
export type SessionUpdate = v.InferOutput<typeof sessionUpdateSchema>;

/** The tracker had to drop these batches and will never send them. */
export const trackerGapSchema = v.pipe(
  v.object({ tab: v.optional(tabSchema), fromSeq: natural, toSeq: natural }),
  v.check((gap) => gap.toSeq >= gap.fromSeq, "toSeq is before fromSeq"),
);
export type TrackerGap = v.InferOutput<typeof trackerGapSchema>;

/** `session_end`: the visit is over. `tab_end`: this page went away, the visit may go on. */
export const sessionEndSchema = v.object({ sessionId: v.optional(sessionIdSchema) });
export const tabEndSchema = v.object({ tab: v.optional(tabSchema) });

/** A batch of either kind. A batch that has `events` is meant as a plain one, so that a fault in it is named by its field. */
export const batchSchema = v.lazy((input): typeof plainBatchSchema | typeof packedBatchSchema =>
  typeof input === "object" && input !== null && "events" in input ? plainBatchSchema : packedBatchSchema,
);

/** Tracker to server, by message type. */
export const fromTracker = {
  session_start: sessionStartSchema,
  session_update: sessionUpdateSchema,
  events_batch: batchSchema,
  gap: trackerGapSchema,
  tab_end: tabEndSchema,
  session_end: sessionEndSchema,
  ...fromHelpedPage,
} as const;

const limitsSchema = v.object({
  maxFrameBytes: natural,
  maxPayloadBytes: natural,
  maxRawBytes: natural,
  maxBatchEvents: natural,
  maxBatchMarkers: natural,
  maxEventsPerSession: natural,
  sessionIdleMs: natural,
  flushIdleMs: natural,
  flushWatchedMs: natural,
});

/** How much text is masked: what looks sensitive, everything, nothing. */
export const MASK_TEXT = ["sensitive", "all", "none"] as const;

/**
 * What a project asks of its trackers. The stricter of this and the page's own options holds: the smaller share, the stronger mask; selectors
 * add up. A tracker keeps it for its next page load; what was recorded under looser rules is not sent.
 */
export const trackerSettingsSchema = v.object({
  sampleRate: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  maskAllInputs: v.boolean(),
  maskText: v.picklist(MASK_TEXT),
  maskTextSelector: text(1024),
  blockSelector: text(1024),
  /** False: neither is recorded, whatever the page says. */
  recordConsole: v.boolean(),
  recordNetwork: v.boolean(),
  /** What is in requests and answers, as far as it is text; only where project and page record requests. */
  recordBodies: v.boolean(),
  respectDoNotTrack: v.boolean(),
});
export type TrackerSettings = v.InferOutput<typeof trackerSettingsSchema>;

const seqOrNone = v.pipe(v.number(), v.integer(), v.minValue(-1));

/** The closed set of reasons in an `error`. */
export const ERROR_CODES = [
  "malformed",
  "too_large",
  "unauthorized",
  "forbidden",
  "not_found",
  "not_started",
  "limit",
  "overload",
  "gone",
  "internal",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export const errorSchema = v.object({
  code: v.picklist(ERROR_CODES),
  message: v.string(),
  retryAfterMs: v.optional(natural),
});
export type WireError = v.InferOutput<typeof errorSchema>;

/** Server to tracker, by message type. */
export const toTracker = {
  /** `upto`: newest seq of this tab that the server has received, or -1; resend from the next one. */
  session_started: v.object({
    sessionId: v.string(),
    tab: v.string(),
    upto: seqOrNone,
    resumeToken: v.string(),
    limits: limitsSchema,
    watchers: natural,
    settings: v.optional(trackerSettingsSchema),
  }),
  /** Everything of `tab` up to and including `upto` is durable; forget it. */
  ack: v.object({ tab: v.string(), upto: seqOrNone }),
  /** Batches before `fromSeq` arrived, it did not: send again from there (after `afterMs`), or say `gap`. */
  resend: v.object({ tab: v.string(), fromSeq: natural, afterMs: v.optional(natural) }),
  checkout_request: v.object({ tab: v.string() }),
  watchers: v.object({ count: natural }),
  ...toHelpedPage,
  error: errorSchema,
} as const;

export type FromTrackerType = keyof typeof fromTracker;
export type ToTrackerType = keyof typeof toTracker;
export type FromTrackerMessage = {
  [T in FromTrackerType]: { type: T; data: v.InferOutput<(typeof fromTracker)[T]> };
}[FromTrackerType];
export type ToTrackerMessage = {
  [T in ToTrackerType]: { type: T; data: v.InferOutput<(typeof toTracker)[T]> };
}[ToTrackerType];
