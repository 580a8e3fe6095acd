/** Markers as they are drawn: those too close to be told apart become one, which looks like the most important of them. */

import type { MarkerKind } from "../../protocol/markers.ts";
import type { TimelineMarker } from "../player/timeline.ts";

/** Most important first. */
export const KIND_ORDER: readonly MarkerKind[] = [
  "error",
  "rage_click",
  "error_click",
  "dead_click",
  "reload_loop",
  "thrash",
  "form_abandoned",
  "console_error",
  "failed_request",
  "assist",
  "custom",
  "page_load",
  "web_vitals",
  "navigation",
  "click",
  "console",
];

export interface MarkerCluster {
  /** The first of the most important kind: what a click goes to. */
  marker: TimelineMarker;
  kind: MarkerKind;
  count: number;
  /** Place on the timeline, 0 to 1. */
  place: number;
}

/**
 * @param markers in time order
 * @param minGap smallest distance of two clusters, as a part of the timeline
 */
export function clusterMarkers(markers: readonly TimelineMarker[], from: number, to: number, minGap: number): MarkerCluster[] {
  const length = Math.max(1, to - from);
  const clusters: MarkerCluster[] = [];
  for (const marker of markers) {
    // What was logged has a panel of its own.
    if (marker.kind === "console") continue;
    const place = Math.min(1, Math.max(0, (marker.at - from) / length));
    const last = clusters.at(-1);
    if (!last || place - last.place >= minGap) {
      clusters.push({ marker, kind: marker.kind, count: 1, place });
      continue;
    }
    last.count++;
    if (KIND_ORDER.indexOf(marker.kind) < KIND_ORDER.indexOf(last.kind)) {
      last.marker = marker;
      last.kind = marker.kind;
    }
  }
  return clusters;
}
