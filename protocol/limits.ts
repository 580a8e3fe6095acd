/** Every bound of the wire, in one place. The server tells a tracker the ones it must keep in `session_started`. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Largest WebSocket frame or HTTP ingest body; uWebSockets.js ends a larger frame with a bare TCP close (1006). */
export const MAX_FRAME_BYTES = 8 * MIB;
/** Largest control message (everything but `events_batch`). */
export const MAX_CONTROL_BYTES = 64 * KIB;
/** Largest payload of one packed batch as it travels, compressed or not. */
export const MAX_PAYLOAD_BYTES = MAX_FRAME_BYTES - 64 * KIB;
/** Largest payload after inflation; readers stop there. Single events of 6 to 10 MB are normal on dense pages. */
export const MAX_RAW_BYTES = 64 * MIB;
/** Most events in one batch. */
export const MAX_BATCH_EVENTS = 20_000;
/** Most markers in one batch. */
export const MAX_BATCH_MARKERS = 200;
/** Most errors behind one error: its causes, theirs, and those that it gathers. */
export const MAX_CAUSES = 8;
/** Deepest nesting of a JSON or MessagePack message that is parsed at all. rrweb snapshots of real pages stay below 200. */
export const MAX_DEPTH = 512;
/** Most bytes that a tracker keeps un-acknowledged in memory before it drops the oldest (and tells of the gap). */
export const MAX_OUTBOX_BYTES = 16 * MIB;
/** Newest bytes that are sent synchronously while the page goes away; a larger send is lost by the browser (measured). */
export const MAX_PAGEHIDE_BYTES = 60 * KIB;
/** Most a viewer may leave unread before its feed is moved to the newest checkout. */
export const MAX_VIEWER_BACKLOG_BYTES = 4 * MIB;
/** A socket that has not said `session_start` after this long is closed. */
export const HELLO_TIMEOUT_MS = 15_000;
/** Idle visitors end their session after this long without an event. */
export const SESSION_IDLE_MS = 30 * 60_000;
/** At most one `checkout_request` for a tab in this time. */
export const CHECKOUT_REQUEST_INTERVAL_MS = 10_000;
/** How long a tracker gathers events into a batch while nobody watches, and while somebody does. */
export const FLUSH_IDLE_MS = 1_000;
export const FLUSH_WATCHED_MS = 100;
/** Below this many bytes of JSON a payload travels uncompressed. */
export const MIN_DEFLATE_BYTES = 512;

/** What the server tells each tracker it accepts, so that an honest one never meets a limit by surprise. */
export interface TrackerLimits {
  maxFrameBytes: number;
  maxPayloadBytes: number;
  maxRawBytes: number;
  maxBatchEvents: number;
  maxBatchMarkers: number;
  /** Most events of one session that the server keeps; later batches are refused with `limit`. */
  maxEventsPerSession: number;
  sessionIdleMs: number;
  flushIdleMs: number;
  flushWatchedMs: number;
}

/** The defaults of {@link TrackerLimits}; the server overrides what its configuration says. */
export const DEFAULT_TRACKER_LIMITS: TrackerLimits = {
  maxFrameBytes: MAX_FRAME_BYTES,
  maxPayloadBytes: MAX_PAYLOAD_BYTES,
  maxRawBytes: MAX_RAW_BYTES,
  maxBatchEvents: MAX_BATCH_EVENTS,
  maxBatchMarkers: MAX_BATCH_MARKERS,
  maxEventsPerSession: 1_000_000,
  sessionIdleMs: SESSION_IDLE_MS,
  flushIdleMs: FLUSH_IDLE_MS,
  flushWatchedMs: FLUSH_WATCHED_MS,
};
