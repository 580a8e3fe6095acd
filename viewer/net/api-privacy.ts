/** Leak scans: what stored sessions hold that should have been masked. */

import * as v from "valibot";
import { request } from "./api.ts";

const findingSchema = v.object({
  sessionId: v.string(),
  tab: v.nullish(v.string(), ""),
  seq: v.nullish(v.number(), null),
  at: v.nullish(v.number(), null),
  kind: v.string(),
  where: v.optional(v.string(), ""),
  /** What was found, masked by the server. */
  sample: v.optional(v.string(), ""),
  /** How often it is at that place. */
  occurrences: v.optional(v.number(), 1),
});
export type LeakFinding = v.InferOutput<typeof findingSchema>;

const scanSchema = v.object({
  id: v.union([v.string(), v.number()]),
  state: v.picklist(["pending", "running", "done", "failed", "cancelled"]),
  createdAt: v.optional(v.number(), 0),
  startedAt: v.nullish(v.number(), null),
  endedAt: v.nullish(v.number(), null),
  totalSessions: v.nullish(v.number(), null),
  scannedSessions: v.optional(v.number(), 0),
  scannedBytes: v.optional(v.number(), 0),
  unreadableBatches: v.optional(v.number(), 0),
  foundCount: v.optional(v.number(), 0),
  findings: v.optional(v.array(findingSchema), []),
  truncated: v.optional(v.boolean(), false),
});
export type LeakScan = v.InferOutput<typeof scanSchema>;

const path = (projectId: number): string => `/v1/projects/${projectId}/leak-scans`;

/** The scans of a project, newest first, without their findings. */
export async function readLeakScans(projectId: number): Promise<LeakScan[]> {
  return (await request("GET", path(projectId), v.object({ scans: v.array(scanSchema) }))).scans;
}

/** One scan with its findings. */
export function readLeakScan(projectId: number, id: LeakScan["id"]): Promise<LeakScan> {
  return request("GET", `${path(projectId)}/${encodeURIComponent(id)}`, scanSchema);
}

/** Starts a scan of what was stored between two times (epoch milliseconds; null: no bound). */
export async function startLeakScan(projectId: number, from: number | null, to: number | null): Promise<LeakScan["id"]> {
  const schema = v.object({ id: v.union([v.string(), v.number()]) });
  const body = { ...(from === null ? {} : { from }), ...(to === null ? {} : { to }) };
  return (await request("POST", path(projectId), schema, { body })).id;
}

/** Ends a scan that waits or runs; removes one that is over, with its findings. */
export async function endLeakScan(projectId: number, id: LeakScan["id"]): Promise<void> {
  await request("DELETE", `${path(projectId)}/${encodeURIComponent(id)}`, v.unknown());
}
