/**
 * Which workers are alive. graphile-worker leaves a job with the worker that took it; after a kill it would wait four hours for one that
 * never comes back. Each process tells every few seconds who its workers are, and frees what is held by workers that nobody tells of.
 */

import { EventEmitter } from "node:events";
import type { WorkerEvents } from "graphile-worker";
import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import type { Logger } from "../log.ts";

const TELL_MS = 10_000;
/** A worker that was silent for so long is dead. */
const SILENT_SECONDS = 45;
/** Rows of workers that are long gone. */
const KEEP_SECONDS = 86_400;

/** The workers of this process. */
export interface JobWorkers {
  /** To be handed to graphile-worker, which says there whom it makes. */
  readonly events: WorkerEvents;
  /** Tells now who is alive, and frees what nobody works on; never throws. */
  look(): Promise<void>;
  start(): Promise<void>;
  stop(): void;
}

/** Builds it. */
export function createJobWorkers({ db, clock, log }: { db: Queryable; clock: Clock; log: Logger }): JobWorkers {
  const events: WorkerEvents = new EventEmitter();
  const ours = new Set<string>();
  /** Of ours, and ended: what they held is free at once. */
  const ended = new Set<string>();
  let stopTimer = () => {};
  events.on("worker:create", ({ worker }) => {
    ours.add(worker.workerId);
  });
  events.on("worker:stop", ({ worker }) => {
    ours.delete(worker.workerId);
    ended.add(worker.workerId);
  });

  async function look(): Promise<void> {
    try {
      await tellAlive(db, [...ours]);
      const gone = [...ended];
      await unlock(db, gone);
      for (const id of gone) ended.delete(id);
      const freed = await freeJobs(db);
      if (freed > 0) log.warn("jobs of a process that is gone are taken over", { count: freed });
    } catch (error) {
      log.debug("jobs of processes that are gone could not be looked for", { error });
    }
  }

  return {
    events,
    look,
    async start() {
      await look();
      stopTimer = clock.every(TELL_MS, () => void look());
    },
    stop: () => {
      stopTimer();
    },
  };
}

async function tellAlive(db: Queryable, workerIds: readonly string[]): Promise<void> {
  await db.query(
    `INSERT INTO job_workers (worker_id, seen_at) SELECT id, now() FROM unnest($1::text[]) AS id
     ON CONFLICT (worker_id) DO UPDATE SET seen_at = now()`,
    [workerIds],
  );
  await db.query("DELETE FROM job_workers WHERE seen_at < now() - $1 * interval '1 second'", [KEEP_SECONDS]);
}

/** Frees what dead workers hold. What was taken just now may be a worker's that has not told yet. */
async function freeJobs(db: Queryable): Promise<number> {
  const held = await db.query<{ worker_id: string }>(
    `SELECT locked_by AS worker_id FROM (
       SELECT locked_by, locked_at FROM graphile_worker._private_jobs WHERE locked_by IS NOT NULL
       UNION ALL SELECT locked_by, locked_at FROM graphile_worker._private_job_queues WHERE locked_by IS NOT NULL
     ) held
     WHERE locked_at < now() - $1 * interval '1 second' AND NOT EXISTS (
       SELECT FROM job_workers w WHERE w.worker_id = held.locked_by AND w.seen_at > now() - $1 * interval '1 second')`,
    [SILENT_SECONDS],
  );
  const dead = [...new Set(held.map((row) => row.worker_id))];
  await unlock(db, dead);
  return held.length;
}

async function unlock(db: Queryable, workerIds: readonly string[]): Promise<void> {
  if (workerIds.length > 0) await db.query("SELECT graphile_worker.force_unlock_workers($1::text[])", [workerIds]);
}
