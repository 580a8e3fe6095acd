/** One occurrence, whole: what was reported, what came with it, whether it has a clip, and why it is in its issue. */

import * as v from "valibot";
import { LEVELS, type Occurrence } from "../../protocol/occurrence.ts";
import { request } from "./api.ts";

const scalar = v.union([v.string(), v.number(), v.boolean(), v.null()]);
const facts = v.record(v.string(), scalar);
const level = v.picklist(LEVELS);

const placeEntries = {
  file: v.string(),
  function: v.string(),
  module: v.exactOptional(v.string()),
  line: v.nullable(v.number()),
  column: v.nullable(v.number()),
  context: v.exactOptional(v.object({ before: v.array(v.string()), line: v.string(), after: v.array(v.string()) })),
};

const frameSchema = v.object({
  ...placeEntries,
  inApp: v.boolean(),
  debugId: v.exactOptional(v.string()),
  raw: v.exactOptional(v.object(placeEntries)),
  mapFault: v.exactOptional(v.string()),
});

const exceptionSchema = v.object({
  type: v.string(),
  value: v.string(),
  module: v.exactOptional(v.string()),
  mechanism: v.exactOptional(v.object({ type: v.string(), handled: v.nullable(v.boolean()), synthetic: v.boolean() })),
  id: v.exactOptional(v.number()),
  parentId: v.exactOptional(v.number()),
  isGroup: v.exactOptional(v.boolean()),
  source: v.exactOptional(v.string()),
  frames: v.array(frameSchema),
});

const breadcrumbSchema = v.object({
  at: v.nullable(v.number()),
  category: v.string(),
  type: v.string(),
  level,
  message: v.string(),
  data: facts,
});

const detailSchema = v.object({
  exceptions: v.array(exceptionSchema),
  frames: v.array(frameSchema),
  template: v.string(),
  fingerprint: v.array(v.string()),
  breadcrumbs: v.array(breadcrumbSchema),
  request: v.nullable(
    v.object({
      url: v.string(),
      method: v.string(),
      query: v.string(),
      headers: v.array(v.tuple([v.string(), v.string()])),
      body: v.string(),
    }),
  ),
  user: v.nullable(v.object({ id: v.string(), email: v.string(), name: v.string(), address: v.string() })),
  contexts: v.record(v.string(), facts),
  sdk: v.nullable(v.object({ name: v.string(), version: v.string() })),
  serverName: v.string(),
  dist: v.string(),
  traceId: v.string(),
  replayId: v.string(),
  notes: v.array(v.string()),
});

const summaryEntries = {
  errorId: v.string(),
  issueId: v.number(),
  projectId: v.number(),
  eventId: v.string(),
  source: v.picklist(["tracker", "sdk"]),
  receivedAt: v.number(),
  at: v.number(),
  sessionId: v.nullable(v.string()),
  tab: v.nullable(v.string()),
  userId: v.nullable(v.string()),
  level,
  type: v.string(),
  message: v.string(),
  culprit: v.string(),
  transaction: v.string(),
  release: v.string(),
  environment: v.string(),
  platform: v.string(),
  url: v.string(),
  tags: v.record(v.string(), v.string()),
};

/** An occurrence as lists have it. */
export const occurrenceSummarySchema = v.object(summaryEntries);

const occurrenceSchema = v.object({ ...summaryEntries, detail: detailSchema }) satisfies v.GenericSchema<unknown, Occurrence>;

const clipSchema = v.object({
  available: v.boolean(),
  /** Why there is none, in words for people. */
  reason: v.nullish(v.string(), ""),
  /** Where in the session it happened, by the page's clock; absent where the occurrence's own time is that. */
  at: v.nullish(v.number(), null),
  tab: v.nullish(v.string(), null),
});
/** Whether an occurrence can be played, and why not. */
export type ClipState = v.InferOutput<typeof clipSchema>;

const wholeErrorSchema = v.object({ error: occurrenceSchema, clip: clipSchema });
/** One occurrence, whole, and its clip. */
export type WholeError = v.InferOutput<typeof wholeErrorSchema>;

const issueOfKey = { issueId: v.number(), shortId: v.string() };
const keyEntries = { mechanism: v.string(), hash: v.string(), parts: v.array(v.unknown()) };

const groupingSchema = v.object({
  /** One sentence. */
  because: v.string(),
  /** The key by which it came into its issue; null where that key is gone. */
  key: v.nullable(v.object({ ...keyEntries, ...issueOfKey })),
  line: v.optional(v.string(), ""),
  words: v.optional(v.string(), ""),
  replaced: v.optional(v.array(v.object({ what: v.string(), count: v.number() })), []),
  /** Its keys as they would be made today, in the order in which they are tried, and where each leads. */
  keys: v.optional(v.array(v.object({ ...keyEntries, leadsTo: v.nullable(v.object(issueOfKey)) })), []),
});
/** Why an occurrence is in its issue. */
export type Grouping = v.InferOutput<typeof groupingSchema>;

/** One occurrence by its id. Its `issueId` is 0 while it waits for its digest. */
export function readWholeError(errorId: string, signal?: AbortSignal): Promise<WholeError> {
  return request("GET", errorPath(errorId), wholeErrorSchema, { signal });
}

/** Why it is in its issue. */
export async function readGrouping(errorId: string, signal?: AbortSignal): Promise<Grouping> {
  return (await request("GET", `${errorPath(errorId)}/grouping`, v.object({ grouping: groupingSchema }), { signal })).grouping;
}

function errorPath(errorId: string): string {
  return `/v1/errors/${encodeURIComponent(errorId)}`;
}
