/** The door of source maps: keeps what builds upload, and says where in the original source a frame is. Nothing is fetched from anywhere. */

import type { Frame } from "../../protocol/occurrence.ts";
import type { AuditTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Route } from "../net/route.ts";
import { createChunkRoutes } from "./chunk-routes.ts";
import { cleanUp, type CleanedUp } from "./clean-up.ts";
import { createFinder } from "./finder.ts";
import { createLateMaps } from "./late-maps.ts";
import { createMapper } from "./mapper.ts";
import { createMapRoutes } from "./map-routes.ts";
import { createThreads, type ThreadsDeps } from "./threads.ts";
import { createUploads } from "./uploads.ts";

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
  /** Removes uploads that need not stay; done by itself now and then. */
  cleanUp(): Promise<CleanedUp>;
  routes: readonly Route[];
  start(): void;
  stop(): Promise<void>;
}

/** What the room is built from. */
export interface SourceMapsDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  audit: AuditTrail;
  /** Where work that may wait is put. Its kinds are defined here, and so before it is started. */
  jobs: Pick<Jobs, "define" | "add">;
  /** Base address under which tools reach us, without a closing slash. */
  publicUrl: string;
  /** Days that an upload is kept after the last error that it was asked for. */
  retentionDays: number;
  /** Most bytes that the uploads of one project take. */
  maxProjectBytes: number;
  metrics?: Pick<Metrics, "gauge">;
  /** For tests. */
  threads?: Partial<ThreadsDeps>;
}

const CLEAN_UP_MS = 60 * 60_000;

/** Builds the room. It makes no thread before there is something to do for one. */
export function createSourceMaps(deps: SourceMapsDeps): SourceMaps {
  const { db, clock, log, audit, jobs, metrics } = deps;
  const threads = createThreads({ clock, log, ...deps.threads });
  const finder = createFinder({ db, clock });
  const mapper = createMapper({ db, clock, finder, threads });
  const forget = () => {
    finder.forget();
    mapper.forget();
  };
  const lateMaps = createLateMaps({ db, clock, log, jobs, map: (...stack) => mapper.map(...stack), forget });
  const uploads = createUploads({
    db,
    audit,
    log,
    jobs,
    threads,
    maxProjectBytes: deps.maxProjectBytes,
    whileReady: (tx, bundleId) => lateMaps.apply(tx, bundleId),
    onReady: forget,
  });
  let stopTimer: (() => void) | null = null;
  metrics?.gauge("sourcemaps_threads", "Threads that read source maps.", () => threads.status().threads);
  metrics?.gauge("sourcemaps_waiting", "Stacks and uploads that wait for such a thread.", () => threads.status().waiting);
  metrics?.gauge("sourcemaps_tasks", "What such threads were asked.", () => threads.status().tasks);
  metrics?.gauge("sourcemaps_crashes", "Threads that ended over a source map.", () => threads.status().crashes);

  const clean = () => cleanUp(db, deps.retentionDays);
  const cleanByItself = () => {
    clean().catch((error: unknown) => {
      log.warn("old source maps could not be removed", { error: error instanceof Error ? error.message : String(error) });
    });
  };

  return {
    map: (projectId, build, frames) => mapper.map(projectId, build, frames),
    cleanUp: clean,
    routes: [
      ...createChunkRoutes({ db, uploads, publicUrl: deps.publicUrl }),
      ...createMapRoutes({ db, audit, uploads, onRemoved: forget }),
    ],
    start() {
      stopTimer = clock.every(CLEAN_UP_MS, cleanByItself);
    },
    async stop() {
      stopTimer?.();
      await threads.stop();
    },
  };
}
