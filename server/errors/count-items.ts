/** Items of which only numbers are kept: sessions, and what SDKs dropped by themselves. Their payloads are small, and read where they come in. */

import * as v from "valibot";
import type { Sorted } from "./accepted.ts";
import { shortText } from "./accepted.ts";
import { CATEGORIES } from "./item-table.ts";
import { jsonDepth } from "./json-scan.ts";
import type { SessionCounts, Tallies } from "./tallies.ts";

const MAX_DEPTH = 16;
/** Most groups of one `sessions` item, and most entries of a client's report. */
const MAX_ENTRIES = 100;
const MAX_COUNT = 1_000_000;

const count = v.fallback(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_COUNT)), 0);
const attrs = v.fallback(v.object({ release: v.fallback(v.string(), ""), environment: v.fallback(v.string(), "") }), {
  release: "",
  environment: "",
});
const sessionSchema = v.object({
  init: v.fallback(v.boolean(), false),
  status: v.fallback(v.string(), "ok"),
  errors: count,
  attrs,
});
const sessionsSchema = v.object({
  aggregates: v.pipe(
    v.array(v.object({ exited: count, errored: count, crashed: count, abnormal: count })),
    v.maxLength(MAX_ENTRIES),
  ),
  attrs,
});
const entries = v.fallback(
  v.pipe(
    v.array(v.object({ reason: v.fallback(v.string(), ""), category: v.fallback(v.string(), ""), quantity: count })),
    v.maxLength(MAX_ENTRIES),
  ),
  [],
);
const reportSchema = v.object({ discarded_events: entries });

/** Reasons that SDKs give; any other is `other`, so that nobody fills a table with words. */
const REASONS: ReadonlySet<string> = new Set([
  "before_send",
  "buffer_overflow",
  "cache_overflow",
  "event_processor",
  "ignored",
  "insufficient_data",
  "internal_sdk_error",
  "invalid",
  "network_error",
  "no_parent_span",
  "queue_overflow",
  "ratelimit_backoff",
  "sample_rate",
  "send_error",
  "too_big",
]);

/** Counts one item; false where it makes no sense. */
export function countItem(tallies: Tallies, projectId: number, { item, type }: Sorted): boolean {
  const value = readJson(item.payload);
  if (type.fate === "client_report") return countReport(tallies, projectId, value);
  if (item.type === "sessions") return countSessions(tallies, projectId, value);
  return countSession(tallies, projectId, value);
}

function countReport(tallies: Tallies, projectId: number, value: unknown): boolean {
  const report = v.safeParse(reportSchema, value);
  if (!report.success) return false;
  for (const { reason, category, quantity } of report.output.discarded_events) {
    if (quantity === 0) continue;
    const known = CATEGORIES.has(category) ? category : "default";
    tallies.count(projectId, known, "client_dropped", quantity, REASONS.has(reason) ? reason : "other");
  }
  return true;
}

function countSessions(tallies: Tallies, projectId: number, value: unknown): boolean {
  const read = v.safeParse(sessionsSchema, value);
  if (!read.success) return false;
  const sum = { sessions: 0, errored: 0, crashed: 0, abnormal: 0 };
  for (const { exited, errored, crashed, abnormal } of read.output.aggregates) {
    sum.sessions += exited + errored + crashed + abnormal;
    sum.errored += errored;
    sum.crashed += crashed;
    sum.abnormal += abnormal;
  }
  add(tallies, projectId, read.output.attrs, sum);
  return true;
}

/**
 * A session is told of when it begins (`init`), when it meets its first error, and when it ends. It counts with its beginning; its first
 * error comes with status `ok` in an update, or with the beginning where all of it is told at once.
 */
function countSession(tallies: Tallies, projectId: number, value: unknown): boolean {
  const read = v.safeParse(sessionSchema, value);
  if (!read.success) return false;
  const { init, status, errors } = read.output;
  const isErrored = errors > 0 && (status === "ok" || (init && status === "exited"));
  add(tallies, projectId, read.output.attrs, {
    sessions: init ? 1 : 0,
    errored: isErrored ? 1 : 0,
    crashed: status === "crashed" ? 1 : 0,
    abnormal: status === "abnormal" ? 1 : 0,
  });
  return true;
}

function add(tallies: Tallies, projectId: number, named: { release: string; environment: string }, counts: SessionCounts): void {
  if (counts.sessions + counts.errored + counts.crashed + counts.abnormal === 0) return;
  tallies.countSessions(projectId, shortText(named.release), shortText(named.environment), counts);
}

/** The value of a small payload; undefined for what is no JSON or nested too deep. */
function readJson(payload: Uint8Array): unknown {
  if (jsonDepth(payload, MAX_DEPTH) > MAX_DEPTH) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return undefined;
  }
}
