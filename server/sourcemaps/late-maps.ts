/**
 * Maps that came after the errors: what is stored of a build is mapped again. A build's first error is often there before its maps are.
 *
 * It is done twice: at once, and again when every process has heard of the upload and what it had under way is written.
 */

import * as v from "valibot";
import type { ChainedException, Frame, OccurrenceDetail } from "../../protocol/occurrence.ts";
import type { Clock } from "../clock.ts";
import type { Database, Queryable } from "../db/db.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Logger } from "../log.ts";
import { REMEMBERED_MS } from "./finder.ts";
import { lateOccurrences, saveDetail, type LateOccurrence } from "./occurrence-queries.ts";
import type { Build } from "./sourcemaps.ts";

/** What it is built from. */
export interface LateMapsDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  jobs: Pick<Jobs, "define" | "add">;
  map: (projectId: number, build: Build, frames: readonly Frame[]) => Promise<Frame[]>;
  /** Before anything is mapped: what is remembered may be older than the upload. */
  forget: () => void;
}

export interface LateMaps {
  /** Has what is stored mapped by an upload; in the transaction that makes it ready. */
  apply(tx: Queryable | undefined, bundleId: number): Promise<void>;
}

const APPLY_JOB = "sourcemaps_apply";
const PAGE = 100;
/** Newest errors of a build that are looked at. */
const MAX_OCCURRENCES = 20_000;
const payloadSchema = v.object({ bundleId: v.number() });

/** Builds it. */
export function createLateMaps({ db, clock, log, jobs, map, forget }: LateMapsDeps): LateMaps {
  async function remap(occurrence: LateOccurrence): Promise<boolean> {
    const { projectId, release, detail } = occurrence;
    const build = { release, dist: detail.dist };
    const exceptions: ChainedException[] = [];
    for (const exception of detail.exceptions) {
      exceptions.push({ ...exception, frames: await again(projectId, build, exception.frames) });
    }
    const frames = await again(projectId, build, detail.frames);
    const isBetter = detail.exceptions.some((one, i) => one.frames !== exceptions[i]?.frames) || frames !== detail.frames;
    if (!isBetter) return false;
    const after: OccurrenceDetail = { ...detail, exceptions, frames };
    return saveDetail(db, occurrence.errorId, after);
  }

  /** The frames with those in place that can be mapped now; the very same frames where there are none. */
  async function again(projectId: number, build: Build, frames: readonly Frame[]): Promise<readonly Frame[]> {
    const mapped = await map(projectId, build, frames);
    return mapped.some((frame, i) => frame.raw !== undefined && frames[i]?.raw === undefined) ? mapped : frames;
  }

  jobs.define(APPLY_JOB, async (payload) => {
    const { bundleId } = v.parse(payloadSchema, payload);
    forget();
    let looked = 0;
    let changed = 0;
    for (let before: string | null = null; looked < MAX_OCCURRENCES;) {
      const page: LateOccurrence[] = await lateOccurrences(db, bundleId, before, PAGE);
      for (const occurrence of page) if (await remap(occurrence)) changed++;
      looked += page.length;
      before = page.at(-1)?.errorId ?? null;
      if (page.length < PAGE) break;
    }
    if (changed > 0) log.info("stored errors were mapped by source maps that came later", { bundleId, changed });
  });

  return {
    async apply(tx, bundleId) {
      await jobs.add(APPLY_JOB, { bundleId }, { queue: APPLY_JOB }, tx);
      const runAt = new Date(clock.now() + 3 * REMEMBERED_MS);
      await jobs.add(APPLY_JOB, { bundleId }, { queue: APPLY_JOB, runAt }, tx);
    },
  };
}
