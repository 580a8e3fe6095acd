/**
 * Threads for reading uploads and maps, which take too long for the event loop. One is made when there is work for it and ended when there
 * has been none for a while. Uploads have a thread of their own; places are asked of the thread of their artifact's number, so that a map is
 * in one thread only. Each thread answers in order.
 *
 * A thread that ends over a task (out of memory, too slow) is replaced; that task is tried once more and then given up, the others behind
 * it are not touched.
 */

import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { Task, TaskResult } from "./worker-tasks.ts";

/** What is handed to the threads. */
export interface ThreadsDeps {
  clock: Clock;
  log: Logger;
  /** Threads for places. Default: one less than there are processors, at least 1 and at most 2. */
  count?: number;
  /** About how many bytes of maps all threads together keep. */
  maxMapBytes?: number;
  /** Longest that a thread may take over one task. */
  taskTimeoutMs?: number;
  /** File of the thread, for tests. */
  entry?: string;
}

/** The threads of this room. */
export interface Threads {
  /** Performs a task. Never rejects. */
  perform(task: Task): Promise<TaskResult>;
  status(): { threads: number; waiting: number; tasks: number; crashes: number };
  /** Ends all; what waits is answered with `failed`. */
  stop(): Promise<void>;
}

const MIB = 1024 * 1024;
const DEFAULT_MAP_BYTES = 256 * MIB;
const DEFAULT_TIMEOUT_MS = 60_000;
const IDLE_MS = 60_000;
const MAX_ATTEMPTS = 2;
/** A map of 64 MiB takes several times that as objects, besides those that are kept. */
const MAX_HEAP_MB = 1_536;

interface Job {
  task: Task;
  attempts: number;
  resolve: (result: TaskResult) => void;
}

/** One place for a thread; `waiting` begins with what is under way. */
interface Seat {
  worker: Worker | null;
  waiting: Job[];
  cancelTimer: () => void;
}

/** Builds them without starting one. */
export function createThreads(deps: ThreadsDeps): Threads {
  const { clock, log } = deps;
  const count = deps.count ?? Math.max(1, Math.min(2, availableParallelism() - 1));
  const timeoutMs = deps.taskTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  const mapBytes = Math.floor((deps.maxMapBytes ?? DEFAULT_MAP_BYTES) / count);
  const seats: Seat[] = Array.from({ length: count + 1 }, () => ({ worker: null, waiting: [], cancelTimer: () => undefined }));
  let crashes = 0;
  let tasks = 0;
  let isStopped = false;

  /** Gives the thread the first of what waits; ends it after a while where nothing does. */
  function next(seat: Seat): void {
    seat.cancelTimer();
    const [job] = seat.waiting;
    if (isStopped) return;
    if (!job) {
      seat.cancelTimer = clock.after(IDLE_MS, () => void end(seat));
      return;
    }
    seat.worker ??= start(seat);
    const { worker } = seat;
    job.attempts++;
    seat.cancelTimer = clock.after(timeoutMs, () => {
      log.error("a thread of source maps took too long over a task", { kind: job.task.kind });
      void worker.terminate();
    });
    worker.postMessage(job.task);
  }

  function start(seat: Seat): Worker {
    const worker = startThread(deps.entry, mapBytes);
    worker.unref();
    worker.on("message", (result: TaskResult) => {
      seat.waiting.shift()?.resolve(result);
      next(seat);
    });
    worker.on("error", (error) => {
      log.error("a thread of source maps ended over a task", { error: error.message });
    });
    worker.on("exit", () => {
      if (seat.worker === worker) exited(seat);
    });
    return worker;
  }

  function exited(seat: Seat): void {
    seat.cancelTimer();
    seat.worker = null;
    const [job] = seat.waiting;
    if (!job) return;
    crashes++;
    if (job.attempts >= MAX_ATTEMPTS) seat.waiting.shift()?.resolve({ kind: "failed" });
    next(seat);
  }

  async function end(seat: Seat): Promise<void> {
    const { worker } = seat;
    seat.worker = null;
    await worker?.terminate();
  }

  return {
    perform(task) {
      const seat = seats[task.kind === "map" ? task.artifactId % count : count];
      if (isStopped || !seat) return Promise.resolve({ kind: "failed" });
      tasks++;
      return new Promise((resolve) => {
        seat.waiting.push({ task, attempts: 0, resolve });
        if (seat.waiting.length === 1) next(seat);
      });
    },
    status: () => ({
      threads: seats.filter(({ worker }) => worker !== null).length,
      waiting: seats.reduce((sum, { waiting }) => sum + waiting.length, 0),
      tasks,
      crashes,
    }),
    async stop() {
      isStopped = true;
      for (const seat of seats) {
        seat.cancelTimer();
        for (const job of seat.waiting.splice(0)) job.resolve({ kind: "failed" });
      }
      await Promise.all(seats.map(end));
    },
  };
}

/** The built thread lies beside this file's bundle; from sources it is TypeScript, which `tsx` (a development dependency) reads. */
function startThread(given: string | undefined, mapBytes: number): Worker {
  const here = fileURLToPath(import.meta.url);
  const entry = given ?? join(dirname(here), here.endsWith(".ts") ? "worker.ts" : "sourcemaps-worker.js");
  const options = { workerData: mapBytes, resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB } };
  if (!entry.endsWith(".ts")) return new Worker(entry, options);
  const load = `import("tsx/esm/api").then(({ register }) => { register(); return import(${JSON.stringify(pathToFileURL(entry).href)}); });`;
  return new Worker(load, { ...options, eval: true });
}
