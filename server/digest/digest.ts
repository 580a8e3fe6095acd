/** The door of the digest: what was accepted is read, cleaned, redacted, mapped to its source, and put into its issue. */

import type { AuditTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { IssueNews } from "../digested.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Route } from "../net/route.ts";
import type { SourceMaps } from "../sourcemaps/sourcemaps.ts";
import { createDeadLetterRoutes } from "./dead-letter-routes.ts";
import { createDrainer } from "./drainer.ts";
import { hasDue } from "./intake-queries.ts";
import type { DigestRedaction } from "./redact.ts";
import type { IssueWriter } from "./write-rows.ts";

export type { DigestRedaction } from "./redact.ts";
export type { IssueWriter } from "./write-rows.ts";

/** What the other rooms ask of the digest. */
export interface Digest {
  /** Something was accepted: to be digested soon. Costs nothing, however often it is called. */
  wake(): void;
  /** Begins to look for what is due; after `jobs.start`. */
  start(): void;
  /** Waits for the group that is under way; the rest stays in the intake. */
  stop(): Promise<void>;
  routes: readonly Route[];
}

/** What the room is built from. */
export interface DigestDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  metrics: Pick<Metrics, "counter">;
  audit: AuditTrail;
  jobs: Pick<Jobs, "define" | "add">;
  redaction: DigestRedaction;
  sourcemaps: Pick<SourceMaps, "map">;
  issues: IssueWriter;
  /** What became of issues, after the commit that did it. */
  onNews: (news: IssueNews[]) => void;
}

const JOB = "digest";
/** What nobody told of is found after this long: errors of trackers, rows whose next try is due, rows of processes that died. */
const LOOK_MS = 1_000;
/** Calls of `wake` in this time make one job. */
const GATHER_MS = 20;

/** Builds the room, and says how its jobs are done. */
export function createDigest(deps: DigestDeps): Digest {
  const { db, clock, log, metrics, jobs } = deps;
  const drainer = createDrainer({
    ...deps,
    counts: {
      digested: metrics.counter("digested_total", "Accepted items that were digested."),
      retried: metrics.counter("digest_retries_total", "Digests that failed and are tried again."),
      dead: metrics.counter("digest_dead_total", "Accepted items that cannot be digested."),
    },
  });
  jobs.define(JOB, () => drainer.drain());
  let stopLooking = () => {};
  let isStarted = false;
  let isAdding = false;
  let isLooking = false;

  function addJob(): void {
    if (isAdding || !isStarted) return;
    isAdding = true;
    clock.after(GATHER_MS, () => {
      isAdding = false;
      if (!isStarted) return;
      jobs.add(JOB, {}, { key: JOB }).catch((error: unknown) => {
        log.debug("the digest could not be asked for; it is looked for in a second", { error });
      });
    });
  }

  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    try {
      if (await hasDue(db)) addJob();
    } catch (error) {
      log.debug("the intake could not be looked at", { error });
    } finally {
      isLooking = false;
    }
  }

  return {
    wake: addJob,
    start() {
      isStarted = true;
      stopLooking = clock.every(LOOK_MS, () => void look());
      void look();
    },
    async stop() {
      isStarted = false;
      stopLooking();
      await drainer.stop();
    },
    routes: createDeadLetterRoutes({ db, audit: deps.audit, onRetry: addJob }),
  };
}
