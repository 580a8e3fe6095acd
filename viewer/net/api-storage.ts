/** What is stored, by project and day, and whether there is room. */

import * as v from "valibot";
import { request } from "./api.ts";

const reportSchema = v.object({
  sessions: v.number(),
  bytes: v.number(),
  freedBytes: v.optional(v.number(), 0),
  days: v.optional(v.array(v.string()), []),
});
/** What a clean-up removed. */
export type CleanUpReport = v.InferOutput<typeof reportSchema>;

const daySchema = v.object({ day: v.string(), bytes: v.number(), sessions: v.optional(v.number()) });

const projectStorageSchema = v.object({
  bytes: v.number(),
  sessions: v.optional(v.number(), 0),
  pinnedSessions: v.optional(v.number(), 0),
  budgetBytes: v.nullish(v.number(), null),
  days: v.optional(v.array(daySchema), []),
});
/** What a project has stored. */
export type ProjectStorage = v.InferOutput<typeof projectStorageSchema>;

const storageSchema = v.object({
  projects: v.optional(v.array(v.object({ ...projectStorageSchema.entries, projectId: v.number() })), []),
  bytes: v.optional(v.number(), 0),
  budgetBytes: v.nullish(v.number(), null),
  diskFreeBytes: v.nullish(v.number(), null),
  diskTotalBytes: v.nullish(v.number(), null),
  /** `closed`: no payloads are taken, the disk is nearly full; `unknown`: Postgres is elsewhere, and so is its disk. */
  guard: v.optional(v.picklist(["open", "closed", "unknown"]), "unknown"),
});
/** What the installation has stored. */
export type Storage = v.InferOutput<typeof storageSchema>;

/** What a project has stored, by day. */
export function readProjectStorage(projectId: number): Promise<ProjectStorage> {
  return request("GET", `/v1/projects/${projectId}/storage`, projectStorageSchema);
}

/** What all projects have stored, and the state of the disk; for administrators. */
export function readStorage(): Promise<Storage> {
  return request("GET", "/v1/storage", storageSchema);
}

/** Removes now what need not stay, in all projects; for administrators. */
export function cleanUpNow(): Promise<CleanUpReport> {
  return request("DELETE", "/sessions/cleanup", reportSchema);
}
