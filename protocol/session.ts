/** A session and its tabs as viewers and HTTP clients see them. */

import * as v from "valibot";
import type { MarkerKind } from "./markers.ts";
import { at, natural, text } from "./text.ts";

/** `live`: a tab is connected; `away`: none is, but it may come back; `ended`: over. */
export const SESSION_STATUSES = ["live", "away", "ended"] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];

export const viewportSchema = v.object({
  width: v.pipe(v.number(), v.minValue(0), v.maxValue(100_000)),
  height: v.pipe(v.number(), v.minValue(0), v.maxValue(100_000)),
  devicePixelRatio: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(100))),
});
export type Viewport = v.InferOutput<typeof viewportSchema>;

/** Kinds of markers that are counted of a session; each has its column, `<kind>_count`. */
export const COUNTED_KINDS = [
  "click",
  "rage_click",
  "dead_click",
  "error_click",
  "thrash",
  "form_abandoned",
  "reload_loop",
  "failed_request",
  "console_error",
  "custom",
  "assist",
] as const satisfies readonly MarkerKind[];

/** What a session is searched by, as it was folded last. Texts are empty where nothing is known. */
export const sessionFactsSchema = v.object({
  /** Two capital letters. */
  country: v.string(),
  region: v.string(),
  browser: v.string(),
  browserVersion: v.string(),
  os: v.string(),
  device: v.string(),
  /** Time in which something happened. */
  activeMs: natural,
  pageCount: natural,
  /** By kind of marker, of those in {@link COUNTED_KINDS}. */
  counts: v.record(v.string(), natural),
});
export type SessionFacts = v.InferOutput<typeof sessionFactsSchema>;

/** One visitor's continuous visit. Times are epoch milliseconds by the page's clock. */
export const sessionSummarySchema = v.object({
  sessionId: v.string(),
  projectId: natural,
  status: v.picklist(SESSION_STATUSES),
  /** Shorthand for `status === "live"`. */
  live: v.boolean(),
  userId: v.nullable(v.string()),
  traits: v.record(v.string(), v.unknown()),
  /** Address and title of the page visited last. */
  url: v.string(),
  title: v.string(),
  userAgent: v.string(),
  viewport: v.nullable(viewportSchema),
  referrer: v.string(),
  timeZone: v.string(),
  language: v.string(),
  release: v.string(),
  environment: v.string(),
  startedAt: at,
  lastAt: at,
  endedAt: v.nullable(at),
  durationMs: natural,
  eventCount: natural,
  batchCount: natural,
  byteCount: natural,
  errorCount: natural,
  tabCount: natural,
  /** Viewers now watching. */
  watchers: natural,
  /** Since when it is kept until somebody unpins it. Told over HTTP only. */
  pinnedAt: v.optional(v.nullable(at)),
  /** When it was imported as a file; absent for what visitors' pages sent. Told over HTTP only. */
  importedAt: v.optional(at),
  /** Told over HTTP only. */
  facts: v.optional(sessionFactsSchema),
});
export type SessionSummary = v.InferOutput<typeof sessionSummarySchema>;

/**
 * One page context of a session: every page load makes one. Page loads in the same browser tab share `tabGroup`, and play one
 * after the other.
 */
export const tabSummarySchema = v.object({
  tab: v.string(),
  tabGroup: v.string(),
  url: v.string(),
  title: v.string(),
  viewport: v.nullable(viewportSchema),
  startedAt: at,
  lastAt: at,
  /** When the page went away; null while it may still send. */
  endedAt: v.nullable(at),
  /** Newest seq known, or -1. */
  upto: v.pipe(v.number(), v.integer(), v.minValue(-1)),
});
export type TabSummary = v.InferOutput<typeof tabSummarySchema>;

/** What a page says of itself in `session_start`; everything is a claim. */
export const pageFields = {
  tabGroup: v.optional(text(32)),
  userId: v.optional(v.nullable(text(256))),
  traits: v.optional(v.pipe(v.record(text(64), v.union([text(1024), v.number(), v.boolean(), v.null()])), v.maxEntries(64))),
  url: v.optional(text(4096), ""),
  title: v.optional(text(512), ""),
  userAgent: v.optional(text(1024), ""),
  viewport: v.optional(viewportSchema),
  startTime: v.optional(at),
  referrer: v.optional(v.nullable(text(4096))),
  timeZone: v.optional(v.nullable(text(64))),
  language: v.optional(v.nullable(text(64))),
  release: v.optional(v.nullable(text(256))),
  environment: v.optional(v.nullable(text(64))),
} as const;
