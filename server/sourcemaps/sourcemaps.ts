/** The door of source maps: keeps what builds upload, and says where in the original source a frame is. Nothing is fetched from anywhere. */

import type { Frame } from "../../protocol/occurrence.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Logger } from "../log.ts";
import type { Route } from "../net/route.ts";

/** Which build the frames are of, as the error says; empty for what it does not say. */
export interface Build {
  release: string;
  dist: string;
}

/** What the other rooms ask of source maps. */
export interface SourceMaps {
  /**
   * Frames of one stack, innermost first, as they are in the original source: `file`, `function`, `line`, `column` and `context` are the
   * original's, `raw` what was reported. A frame that cannot be mapped stays as it is, with `mapFault` where a map was looked for.
   * Frames that have `raw` already are left alone. Gives as many frames as it gets, in order.
   * @throws what the database throws while it is away; never for a map that is bad or missing
   */
  map(projectId: number, build: Build, frames: readonly Frame[]): Promise<Frame[]>;
  routes: readonly Route[];
  start(): void;
  stop(): Promise<void>;
}

/** What the room is built from. */
export interface SourceMapsDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  /** Where work that may wait is put. */
  jobs: Pick<Jobs, "define" | "add">;
}

/** Builds the room. */
export function createSourceMaps(_deps: SourceMapsDeps): SourceMaps {
  return {
    map: (_projectId, _build, frames) => Promise.resolve([...frames]),
    routes: [],
    start: () => undefined,
    stop: () => Promise.resolve(),
  };
}
