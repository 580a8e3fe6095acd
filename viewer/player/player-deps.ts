/** What the player needs from whoever shows it. */

import type { BatchCache } from "./batch-cache.ts";
import type { History } from "./history.ts";
import type { LoopRange } from "./loop-range.ts";
import type { PlayerStatus } from "./player-status.ts";
import type { Stage } from "./stage.ts";
import type { Timeline } from "./timeline.ts";

export interface PlayerDeps {
  stage: Stage;
  timeline: Timeline;
  cache: BatchCache;
  history: History;
  /** Called when the status may have changed, at most once a frame. */
  onChange: (status: PlayerStatus) => void;
  /** Called when a moment cannot be shown: a BrokenScene, or what loading threw. */
  onFailure: (error: unknown) => void;
  /** True in a small view: the pointer leaves no trail, which would take two pictures of the size of the page. */
  isSmall?: boolean;
  /** What is played again and again, while it has both ends; playback does not become live then. */
  loop?: { readonly range: LoopRange | null };
}
