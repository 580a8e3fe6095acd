/** Search: how many sessions a filter means, saved searches, and erasing all that fit. */

import * as v from "valibot";
import { request } from "./api.ts";

const values = v.array(v.object({ value: v.string(), count: v.number() }));
const facetsSchema = v.object({
  count: v.number(),
  withErrors: v.number(),
  live: v.number(),
  facets: v.object({ country: values, browser: values, os: values, device: values, release: values, environment: values }),
});
/** Sums of a filter, and how its sessions spread. */
export type Facets = v.InferOutput<typeof facetsSchema>;
export type FacetName = keyof Facets["facets"];

const savedSchema = v.object({
  searchId: v.number(),
  name: v.string(),
  query: v.string(),
  isShared: v.boolean(),
  isMine: v.boolean(),
});
/** A filter by name. */
export type SavedSearch = v.InferOutput<typeof savedSchema>;

const eraseSchema = v.object({ erased: v.boolean(), count: v.number() });

/** How many sessions of a project fit, and how they spread. */
export function readFacets(projectId: number, filter: URLSearchParams, signal?: AbortSignal): Promise<Facets> {
  const query = new URLSearchParams(filter);
  query.set("project", String(projectId));
  return request("GET", `/v1/sessions/facets?${query}`, facetsSchema, { signal });
}

/** One's own saved searches, and those that are shared. */
export async function readSaved(projectId: number, signal?: AbortSignal): Promise<SavedSearch[]> {
  return (await request("GET", savedPath(projectId), v.object({ searches: v.array(savedSchema) }), { signal })).searches;
}

/** Saves a filter by name. */
export function saveSearch(projectId: number, wish: { name: string; query: string; isShared: boolean }): Promise<SavedSearch> {
  return request("POST", savedPath(projectId), savedSchema, { body: wish });
}

/** Removes one. */
export async function removeSaved(projectId: number, searchId: number): Promise<void> {
  await request("DELETE", `${savedPath(projectId)}/${searchId}`, v.unknown());
}

/** What is to be erased: all that fit a filter, or some by their ids. */
export type Erasure = { query: string } | { sessionIds: readonly string[] };

/** How many sessions that would be. */
export async function countErasure(projectId: number, what: Erasure): Promise<number> {
  return (await request("POST", "/v1/sessions/erase", eraseSchema, { body: { project: projectId, ...what } })).count;
}

/** Erases them, where there are `count` of them still. */
export async function eraseSessions(projectId: number, what: Erasure, count: number): Promise<void> {
  await request("POST", "/v1/sessions/erase", eraseSchema, { body: { project: projectId, ...what, count } });
}

function savedPath(projectId: number): string {
  return `/v1/projects/${projectId}/searches`;
}
