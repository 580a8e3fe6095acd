/** What a viewer and the server say to each other. */

import * as v from "valibot";
import { fromAgent, toAgent } from "./assist.ts";
import { tabSchema, viewerBatchSchema, viewerPlainBatchSchema } from "./batch.ts";
import { rrwebEventSchema } from "./rrweb-event.ts";
import { sessionSummarySchema, tabSummarySchema } from "./session.ts";
import { at, natural } from "./text.ts";
import { errorSchema, sessionIdSchema } from "./tracker-messages.ts";

/** The states of a feed: what one viewer receives of one session. */
export const FEED_PHASES = ["catching-up", "live", "resyncing", "closed"] as const;
export type FeedPhase = (typeof FEED_PHASES)[number];

/** Viewer to server, by message type. */
export const fromViewer = {
  /**
   * Starts a feed. With neither option it begins at each tab's newest checkout; `from` (page time) begins at the checkout at or
   * before that moment; `cursor` (tab to newest seq held) goes on after a lost connection.
   */
  viewer_join_session: v.object({
    sessionId: sessionIdSchema,
    from: v.optional(at),
    cursor: v.optional(v.pipe(v.record(tabSchema, v.pipe(v.number(), v.integer(), v.minValue(-1))), v.maxEntries(256))),
  }),
  viewer_leave_session: v.object({ sessionId: sessionIdSchema }),
  /** Events of the session in the order of their arrival, from index `fromIndex`. */
  get_session_events: v.object({
    sessionId: sessionIdSchema,
    fromIndex: v.optional(natural, 0),
    limit: v.optional(natural),
  }),
  /** Follow the sessions of a project that are live: first all of them, then what changes. */
  watch_live_sessions: v.object({ projectId: natural }),
  unwatch_live_sessions: v.object({ projectId: natural }),
  ...fromAgent,
} as const;

/** Server to viewer, by message type. */
export const toViewer = {
  session_joined: v.object({
    session: sessionSummarySchema,
    tabs: v.array(tabSummarySchema),
    phase: v.picklist(FEED_PHASES),
  }),
  /** The feed changed its phase; `resyncing` means that batches were skipped and the next one is a checkout. */
  session_phase: v.object({ sessionId: v.string(), phase: v.picklist(FEED_PHASES) }),
  /** Facts about a joined session changed: user, address, tabs, counts, status. */
  session_updated: v.object({ session: sessionSummarySchema, tabs: v.array(tabSummarySchema) }),
  events_batch: v.union([viewerBatchSchema, viewerPlainBatchSchema]),
  session_ended: v.object({ sessionId: v.string(), endedAt: at, reason: v.picklist(["ended", "idle", "erased"]) }),
  session_events: v.object({
    sessionId: v.string(),
    fromIndex: natural,
    nextIndex: natural,
    events: v.array(rrwebEventSchema),
  }),
  gap: v.object({ sessionId: v.string(), tab: v.string(), fromSeq: natural, toSeq: natural }),
  live_sessions: v.object({ projectId: natural, sessions: v.array(sessionSummarySchema) }),
  /** `changed` replaces by id; a session that ended appears here once more, with `status: "ended"`. */
  live_sessions_changed: v.object({ projectId: natural, changed: v.array(sessionSummarySchema) }),
  ...toAgent,
  /** `sessionId`, `projectId`: the feed or list that ends with it, because the right to it was withdrawn. */
  error: v.object({ ...errorSchema.entries, sessionId: v.optional(v.string()), projectId: v.optional(natural) }),
} as const;

export type FromViewerType = keyof typeof fromViewer;
export type ToViewerType = keyof typeof toViewer;
export type FromViewerMessage = {
  [T in FromViewerType]: { type: T; data: v.InferOutput<(typeof fromViewer)[T]> };
}[FromViewerType];
export type ToViewerMessage = {
  [T in ToViewerType]: { type: T; data: v.InferOutput<(typeof toViewer)[T]> };
}[ToViewerType];
