/** Every type of item that SDKs send: what it counts as, how large it may be, and what becomes of it. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** What becomes of an item. */
export type Fate =
  | "event"
  | "feedback"
  | "csp_report"
  | "replay_event"
  | "replay_recording"
  | "attachment"
  /** Counted by release. */
  | "session"
  /** Counted as what the SDK dropped by itself. */
  | "client_report"
  /** Counted as not kept: 200 all the same, because an SDK drops an envelope with any other answer, with all that is in it. */
  | "not_kept";

/** One type. */
export interface ItemType {
  /** The name by which SDKs know it in rate limits and reports. */
  category: string;
  fate: Fate;
  maxBytes: number;
}

const EVENT_BYTES = MIB;
const ANY_BYTES = 50 * MIB;
const dropped = (category: string): ItemType => ({ category, fate: "not_kept", maxBytes: ANY_BYTES });

const TYPES: Readonly<Record<string, ItemType>> = {
  event: { category: "error", fate: "event", maxBytes: EVENT_BYTES },
  feedback: { category: "feedback", fate: "feedback", maxBytes: EVENT_BYTES },
  user_report: { category: "feedback", fate: "feedback", maxBytes: 64 * KIB },
  raw_security: { category: "security", fate: "csp_report", maxBytes: 256 * KIB },
  replay_event: { category: "replay", fate: "replay_event", maxBytes: EVENT_BYTES },
  replay_recording: { category: "replay", fate: "replay_recording", maxBytes: ANY_BYTES },
  attachment: { category: "attachment", fate: "attachment", maxBytes: 10 * MIB },
  session: { category: "session", fate: "session", maxBytes: 64 * KIB },
  sessions: { category: "session", fate: "session", maxBytes: 64 * KIB },
  client_report: { category: "internal", fate: "client_report", maxBytes: 16 * KIB },
  transaction: dropped("transaction"),
  span: dropped("span"),
  log: dropped("log_item"),
  otel_log: dropped("log_item"),
  trace_metric: dropped("trace_metric"),
  check_in: dropped("monitor"),
  profile: dropped("profile"),
  profile_chunk: dropped("profile_chunk"),
  statsd: dropped("metric_bucket"),
  metric_buckets: dropped("metric_bucket"),
  replay_video: dropped("replay"),
  nel: dropped("security"),
};
const UNKNOWN = dropped("default");

/** Categories that are known; what a client names besides is `default`, so that nobody fills a table with names. */
export const CATEGORIES: ReadonlySet<string> = new Set([...Object.values(TYPES).map(({ category }) => category), "default"]);

/** What is known of a type; any other is dropped like those that are not kept. */
export function itemType(type: string): ItemType {
  return (Object.hasOwn(TYPES, type) ? TYPES[type] : undefined) ?? UNKNOWN;
}

/** Attachments of kinds that nobody here can read, and that are large. */
export const DROPPED_ATTACHMENTS: ReadonlySet<string> = new Set([
  "event.minidump",
  "event.applecrashreport",
  "unreal.context",
  "unreal.logs",
]);
