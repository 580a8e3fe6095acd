/**
 * The door of replays: what the replay integration of Sentry's browser SDKs recorded is stored as it was received, and shown as a session.
 *
 * `server/errors` accepts the envelopes; their segments wait in the intake. A job takes one after the other: in one transaction its batch,
 * its markers and its session are written and its row goes, so that a segment is stored once however often it is sent or tried.
 */

import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Logger } from "../log.ts";
import { buryAbandoned, claimReplay, giveBack, MAX_ATTEMPTS, nextDueMs, recordFault, type ReplayRow } from "./intake-rows.ts";
import { type ReplayRedaction, storeSegment, TooBusy, UnusableSegment } from "./store-segment.ts";

export type { ReplayRedaction } from "./store-segment.ts";

/** Name of the job. */
const JOB = "store_replays";
/** Rows of one run; then other jobs have their turn. */
const MAX_ROWS = 200;
const LOOK_MS = 30_000;
const BUSY_MS = 500;

/** What the other rooms ask of replays. */
export interface Replays {
  /** Something was accepted: it is stored soon. */
  wake(): void;
  /** Stores all that is due; resolves with how many segments that were. For the job, and for tests. */
  storeDue(): Promise<number>;
  /** After jobs have started. */
  start(): void;
  stop(): void;
}

/** What the room is built from. */
export interface ReplaysDeps {
  db: Database;
  jobs: Jobs;
  clock: Clock;
  log: Logger;
  redaction: ReplayRedaction;
}

/** Builds the room. */
export function createReplays({ db, jobs, clock, log, redaction }: ReplaysDeps): Replays {
  let isAsked = false;
  let stopLooking: (() => void) | null = null;

  async function storeOne(row: ReplayRow): Promise<void> {
    const about = { intakeId: row.intake_id, projectId: row.project_id };
    try {
      await storeSegment(db, redaction, row);
    } catch (error) {
      if (error instanceof TooBusy) return giveBack(db, row.intake_id, BUSY_MS);
      const fault = error instanceof Error ? error.message : String(error);
      const isFinal = error instanceof UnusableSegment || row.attempts >= MAX_ATTEMPTS;
      log.warn("a segment of a replay was not stored", { ...about, fault, isFinal });
      await recordFault(db, row.intake_id, fault.slice(0, 500), isFinal ? null : 1_000 * 2 ** row.attempts);
    }
  }

  async function storeDue(): Promise<number> {
    for (let count = 0; count < MAX_ROWS; count++) {
      const row = await claimReplay(db);
      if (row === null) return count;
      await storeOne(row);
    }
    return MAX_ROWS;
  }

  async function run(): Promise<void> {
    await buryAbandoned(db);
    const count = await storeDue();
    const dueMs = count === MAX_ROWS ? 0 : await nextDueMs(db);
    if (dueMs !== null) await jobs.add(JOB, {}, { key: JOB, queue: JOB, runAt: new Date(clock.now() + dueMs) });
  }

  function wake(): void {
    if (isAsked) return;
    isAsked = true;
    jobs
      .add(JOB, {}, { key: JOB, queue: JOB })
      .catch((error: unknown) => {
        log.warn("replays are stored later", { error: error instanceof Error ? error.message : String(error) });
      })
      .finally(() => (isAsked = false));
  }

  jobs.define(JOB, run);
  return {
    wake,
    storeDue,
    start() {
      stopLooking ??= clock.every(LOOK_MS, wake);
      wake();
    },
    stop() {
      stopLooking?.();
      stopLooking = null;
    },
  };
}
