/** Friction: the pages that visitors were on, and where on one of them they clicked and how far they saw it. */

import * as v from "valibot";
import { request } from "./api.ts";

const pageSchema = v.object({
  address: v.string(),
  views: v.number(),
  clicks: v.number(),
  rageClicks: v.number(),
  deadClicks: v.number(),
  errorClicks: v.number(),
  depth: v.nullable(v.number()),
});
/** A page by its address. */
export type PageFriction = v.InferOutput<typeof pageSchema>;

const pagesSchema = v.object({ sessions: v.number(), isCut: v.boolean(), pages: v.array(pageSchema) });
/** The pages of the chosen sessions. */
export type FrictionPages = v.InferOutput<typeof pagesSchema>;

export const CLICK_KINDS = ["click", "rage_click", "dead_click", "error_click"] as const;
export type ClickKind = (typeof CLICK_KINDS)[number];

const pointSchema = v.object({
  path: v.string(),
  x: v.number(),
  y: v.number(),
  kind: v.picklist(CLICK_KINDS),
  count: v.number(),
});
/** Clicks in one place of one element. */
export type HeatPoint = v.InferOutput<typeof pointSchema>;

const backdropSchema = v.object({ sessionId: v.string(), tab: v.string(), at: v.number() });
/** A recorded checkout of the page. */
export type Backdrop = v.InferOutput<typeof backdropSchema>;

const mapSchema = v.object({
  address: v.string(),
  sessions: v.number(),
  views: v.number(),
  points: v.array(pointSchema),
  unplaced: v.number(),
  depthViews: v.number(),
  depths: v.array(v.number()),
  backdrops: v.array(backdropSchema),
  isCut: v.boolean(),
});
/** Where a page was clicked, and how far it was seen. */
export type HeatMap = v.InferOutput<typeof mapSchema>;

/** The pages of the sessions that a filter means, most views first. */
export function readFrictionPages(projectId: number, filter: string, signal?: AbortSignal): Promise<FrictionPages> {
  return request("GET", `/v1/friction/pages?${queryOf(projectId, filter)}`, pagesSchema, { signal });
}

/** The map of one of them. */
export function readHeatMap(projectId: number, filter: string, address: string, signal?: AbortSignal): Promise<HeatMap> {
  const query = queryOf(projectId, filter);
  query.set("address", address);
  return request("GET", `/v1/friction/heat-map?${query}`, mapSchema, { signal });
}

function queryOf(projectId: number, filter: string): URLSearchParams {
  const query = new URLSearchParams(filter);
  query.set("project", String(projectId));
  query.delete("sort");
  return query;
}
