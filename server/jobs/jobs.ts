/** The door of jobs: work that may wait, kept in Postgres until it is done (graphile-worker). */

import { Logger as GraphileLogger, run, runMigrations, type Runner, type TaskList } from "graphile-worker";
import { systemClock, type Clock } from "../clock.ts";
import type { ConnectionOptions } from "../db/connection.ts";
import { createBarePool } from "../db/connection.ts";
import type { Database, Queryable } from "../db/db.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { createJobWorkers } from "./job-workers.ts";

/** When and how often a job runs. */
export interface JobOptions {
  /** Jobs with the same key are one: a later one replaces what waits. */
  key?: string;
  /** Default: now. */
  runAt?: Date;
  /** Tries before it is dead; default 25, with a back-off of e^n seconds. */
  maxAttempts?: number;
  /** Jobs of one queue run one after the other. */
  queue?: string;
}

/** What the other rooms ask of jobs. */
export interface Jobs {
  /**
   * Says how jobs of a kind are done. Before `start`.
   * @param work safe to run twice; what it throws makes the job wait and run again
   */
  define(kind: string, work: (payload: unknown) => Promise<void>): void;
  /** Adds a job, in a transaction of the caller's where `tx` is given. */
  add(kind: string, payload: object, options?: JobOptions, tx?: Queryable): Promise<void>;
  /** Makes the tables that jobs need, and begins to work. Jobs of a process that was killed are taken over within a minute. */
  start(): Promise<void>;
  /** Waits for the jobs under way. */
  stop(): Promise<void>;
}

/** What the room is built from. */
export interface JobsDeps {
  db: Database;
  connection: ConnectionOptions;
  log: Logger;
  clock?: Clock;
  metrics?: Pick<Metrics, "counter">;
  /** Jobs at once; default 3. */
  concurrency?: number;
}

/** A worker that fell (Postgres was away) is started again after this long. */
const RESTART_MS = 2_000;
/** Waits for the jobs under way; one that has stopped already is fine. */
async function stopRunner(runner: Runner): Promise<void> {
  await runner.stop().catch(() => undefined);
}

const LOUD: ReadonlySet<string> = new Set(["error", "warning"]);

/** Builds the room. */
export function createJobs(deps: JobsDeps): Jobs {
  const { db, connection, log, metrics, clock = systemClock, concurrency = 3 } = deps;
  const tasks: TaskList = {};
  const logger = new GraphileLogger(() => (level, message) => {
    if (LOUD.has(level)) log.warn("jobs", { said: message });
  });
  const workers = createJobWorkers({ db, clock, log });
  const done = metrics?.counter("jobs_done_total", "Jobs that were done.");
  const failed = metrics?.counter("jobs_failed_total", "Tries of jobs that failed.");
  const dead = metrics?.counter("jobs_dead_total", "Jobs that failed for the last time.");
  workers.events.on("job:success", () => {
    if (done) done.value++;
  });
  workers.events.on("job:error", () => {
    if (failed) failed.value++;
  });
  workers.events.on("job:failed", ({ job, error }) => {
    if (dead) dead.value++;
    log.error("a job failed for the last time", { kind: job.task_identifier, attempts: job.attempts, error });
  });
  workers.events.on("worker:stop", ({ error }) => {
    if (error !== undefined && error !== null && runner) replace(runner);
  });
  let runner: Runner | null = null;
  /** Runners in whose place another works, until their last job is done; and their connections, until they are closed. */
  const leaving = new Set<Promise<void>>();
  let cancelRestart = () => {};
  let isStopped = false;

  async function work(): Promise<void> {
    const pgPool = createBarePool(connection, concurrency + 2);
    const close = () => {
      const closed = pgPool
        .end()
        .catch(() => undefined)
        .finally(() => leaving.delete(closed));
      leaving.add(closed);
    };
    const started = await run({
      pgPool,
      concurrency,
      noHandleSignals: true,
      pollInterval: 1_000,
      taskList: tasks,
      events: workers.events,
      logger,
    }).catch((error: unknown) => {
      close();
      throw error;
    });
    void started.promise.then(close, close);
    if (isStopped) return started.stop();
    runner = started;
    void started.promise
      .catch(() => undefined)
      .then(() => {
        replace(started);
      });
    await workers.look();
  }

  /**
   * A worker that could not say what became of its job (Postgres went away) ends, and graphile-worker puts none in its place: others are
   * started, and those that are left finish what they do.
   */
  function replace(old: Runner): void {
    if (runner !== old || isStopped) return;
    runner = null;
    const left = stopRunner(old).finally(() => leaving.delete(left));
    leaving.add(left);
    startAgain();
  }

  function startAgain(): void {
    if (isStopped) return;
    cancelRestart = clock.after(RESTART_MS, () => void work().catch(startAgain));
  }

  return {
    define(kind, doIt) {
      tasks[kind] = async (payload) => doIt(payload);
    },
    async add(kind, payload, options = {}, tx = db) {
      await tx.query(
        `SELECT graphile_worker.add_job($1, payload := $2::json, queue_name := $3, run_at := coalesce($4, now()),
           max_attempts := $5, job_key := $6)`,
        [
          kind,
          JSON.stringify(payload),
          options.queue ?? null,
          options.runAt ?? null,
          options.maxAttempts ?? 25,
          options.key ?? null,
        ],
      );
    },
    async start() {
      const pgPool = createBarePool(connection, 1);
      await runMigrations({ pgPool, logger }).finally(() => pgPool.end());
      await work();
      await workers.start();
    },
    async stop() {
      isStopped = true;
      cancelRestart();
      workers.stop();
      if (runner) await stopRunner(runner);
      // The last runner leaves connections behind.
      await Promise.all(leaving);
      await Promise.all(leaving);
    },
  };
}
