/** What the wire knows of an rrweb event: its type, its time, and nothing of its data. */

import * as v from "valibot";

/** rrweb's event types (`@rrweb/types`, `EventType`). */
export const RRWEB = {
  domContentLoaded: 0,
  load: 1,
  fullSnapshot: 2,
  incremental: 3,
  meta: 4,
  custom: 5,
  plugin: 6,
} as const;

/** One rrweb event as it travels in the plain dialect; other keys pass through untouched. */
export const rrwebEventSchema = v.looseObject({
  type: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(64)),
  timestamp: v.pipe(v.number(), v.finite()),
});

export type RrwebEvent = v.InferOutput<typeof rrwebEventSchema>;
