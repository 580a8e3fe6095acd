/** Uploads of source maps. */

import * as v from "valibot";
import { request } from "./api.ts";

const bundleSchema = v.object({
  id: v.number(),
  release: v.string(),
  dist: v.optional(v.string(), ""),
  state: v.picklist(["reading", "ready", "failed"]),
  fault: v.nullish(v.string(), null),
  notes: v.optional(v.array(v.string()), []),
  uploadedBy: v.optional(v.string(), ""),
  scriptCount: v.optional(v.number(), 0),
  mapCount: v.optional(v.number(), 0),
  storedBytes: v.optional(v.number(), 0),
  createdAt: v.number(),
  lastUsedAt: v.nullish(v.number(), null),
});
/** One upload. */
export type MapBundle = v.InferOutput<typeof bundleSchema>;

const scriptSchema = v.object({
  url: v.string(),
  debugId: v.nullish(v.string(), null),
  hasMap: v.boolean(),
  mapBytes: v.nullish(v.number(), null),
  sourceBytes: v.nullish(v.number(), null),
  fault: v.nullish(v.string(), null),
});
/** A script of an upload. */
export type MapScript = v.InferOutput<typeof scriptSchema>;

const path = (projectId: number): string => `/v1/projects/${projectId}/source-maps`;

/** The uploads of a project, newest first. */
export async function readMapBundles(projectId: number, signal?: AbortSignal): Promise<MapBundle[]> {
  return (await request("GET", path(projectId), v.object({ bundles: v.array(bundleSchema) }), { signal })).bundles;
}

/** The scripts of one upload. */
export async function readMapScripts(projectId: number, bundleId: number): Promise<MapScript[]> {
  return (await request("GET", `${path(projectId)}/${bundleId}`, v.object({ scripts: v.array(scriptSchema) }))).scripts;
}

/** Removes an upload. */
export async function removeMapBundle(projectId: number, bundleId: number): Promise<void> {
  await request("DELETE", `${path(projectId)}/${bundleId}`, v.unknown());
}
