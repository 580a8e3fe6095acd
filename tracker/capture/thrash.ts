/** A pointer that is shaken, read from the moves that the recorder tells of twice a second. */

import { EVENT } from "../recorded-event.ts";
import type { Capture } from "./capture.ts";
import { describe } from "./describe.ts";

/** So many turns, in so short a time, at the ends of strokes of so many pixels. */
const TURNS = 6;
const TURNS_MS = 2_000;
const STROKE_PIXELS = 100;
/** A pointer that rests so long begins anew. */
const REST_MS = 500;

interface Point {
  x: number;
  y: number;
  at: number;
}

export function captureThrash({ privacy, nodes, mark, hear }: Capture): void {
  let from: Point = { x: 0, y: 0, at: 0 };
  let to = from;
  let turns: number[] = [];
  let downAt = 0;
  let upAt = 0;

  hear("event", ({ type, timestamp, data }) => {
    if (type !== EVENT.incremental) return;
    if (data.source === EVENT.interaction) {
      if (data.type === 1) downAt = timestamp;
      if (data.type === 0) upAt = timestamp;
    } else if (data.source === EVENT.mouseMove)
      for (const { x, y, id, timeOffset } of data.positions ?? []) {
        const at = timestamp + timeOffset;
        const isPressed = at >= downAt && (upAt < downAt || at <= upAt);
        if (isPressed || at - to.at > REST_MS) {
          turns = [];
          from = { x, y, at };
        } else if ((to.x - from.x) * (x - to.x) + (to.y - from.y) * (y - to.y) < 0) {
          if (Math.hypot(to.x - from.x, to.y - from.y) >= STROKE_PIXELS)
            turns = [...turns.filter((turn) => at - turn < TURNS_MS), at];
          from = to;
        }
        to = { x, y, at };
        if (turns.length < TURNS) continue;
        turns = [];
        const node = nodes.getNode(id);
        // Games and drawings are played with the pointer.
        if (node instanceof Element && !node.closest("canvas"))
          mark({ kind: "thrash", at, ...describe(privacy, node), data: { x, y } });
      }
  });
}
