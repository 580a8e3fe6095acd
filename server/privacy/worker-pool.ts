/**
 * Worker threads for what is too slow for the event loop. Threads are made when there is work and ended when there has been none for a
 * while, so that nobody pays for what he does not use.
 *
 * A task waits in one queue, bounded by count and bytes; past that it is refused, and whoever asked must ask again. A thread that ends over
 * a task (out of memory, too slow) is replaced; the task is tried once more and then given up.
 */

import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { Task, TaskResult } from "./worker-tasks.ts";

/** What is handed to the pool. */
export interface WorkerPoolDeps {
  clock: Clock;
  log: Logger;
  /** Default: one less than there are processors, at least 1 and at most 4. */
  maxThreads?: number;
  maxQueueBytes?: number;
  maxQueueCount?: number;
  /** Longest that a thread may take over one task. */
  taskTimeoutMs?: number;
  /** File of the thread, for tests. */
  entry?: string;
}

/** Figures for the metrics. */
export interface PoolStatus {
  threads: number;
  queuedTasks: number;
  queuedBytes: number;
  /** Threads that ended over a task. */
  crashes: number;
}

export interface WorkerPool {
  /** Performs a task; null where the queue is full. The payload is moved and must not be used again. Never rejects. */
  perform(task: Task): Promise<TaskResult> | null;
  status(): PoolStatus;
  /** Ends all threads; what waits is answered with `failed`. */
  stop(): Promise<void>;
}

const MIB = 1024 * 1024;
const DEFAULT_QUEUE_BYTES = 32 * MIB;
const DEFAULT_QUEUE_COUNT = 2_000;
const DEFAULT_TIMEOUT_MS = 30_000;
const IDLE_MS = 30_000;
const MAX_ATTEMPTS = 2;
/** A payload of 64 MiB of JSON takes about ten times that as objects. */
const MAX_HEAP_MB = 1_024;

interface Job {
  task: Task;
  bytes: number;
  attempts: number;
  resolve: (result: TaskResult) => void;
}

interface Thread {
  worker: Worker;
  job: Job | null;
  cancelTimer: () => void;
}

/** Builds a pool without threads. */
export function createWorkerPool(deps: WorkerPoolDeps): WorkerPool {
  const { clock, log } = deps;
  const maxThreads = deps.maxThreads ?? Math.max(1, Math.min(4, availableParallelism() - 1));
  const maxBytes = deps.maxQueueBytes ?? DEFAULT_QUEUE_BYTES;
  const maxCount = deps.maxQueueCount ?? DEFAULT_QUEUE_COUNT;
  const timeoutMs = deps.taskTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  const threads = new Set<Thread>();
  const queue: Job[] = [];
  let held = { bytes: 0, count: 0 };
  let crashes = 0;
  let isStopped = false;

  function pump(): void {
    while (queue.length > 0 && !isStopped) {
      const idle = [...threads].find((thread) => thread.job === null) ?? (threads.size < maxThreads ? start() : null);
      const job = idle && queue.shift();
      if (!idle || !job) return;
      begin(idle, job);
    }
  }

  function start(): Thread {
    const worker = startThread(deps.entry);
    const thread: Thread = { worker, job: null, cancelTimer: () => undefined };
    threads.add(thread);
    worker.unref();
    worker.on("message", (result: TaskResult) => {
      thread.cancelTimer();
      const { job } = thread;
      thread.job = null;
      thread.cancelTimer = clock.after(IDLE_MS, () => void end(thread));
      if (job) finish(job, result);
      pump();
    });
    worker.on("error", (error) => {
      log.error("a thread of privacy ended over a task", { error: error.message });
    });
    worker.on("exit", () => {
      exited(thread);
    });
    return thread;
  }

  function begin(thread: Thread, job: Job): void {
    thread.cancelTimer();
    thread.job = job;
    job.attempts++;
    thread.cancelTimer = clock.after(timeoutMs, () => {
      log.error("a thread of privacy took too long over a task", { bytes: job.bytes });
      void thread.worker.terminate();
    });
    thread.worker.postMessage(job.task);
  }

  function exited(thread: Thread): void {
    thread.cancelTimer();
    threads.delete(thread);
    const { job } = thread;
    thread.job = null;
    if (!job) return;
    crashes++;
    if (job.attempts >= MAX_ATTEMPTS || isStopped) finish(job, { kind: "failed" });
    else queue.unshift(job);
    pump();
  }

  function finish(job: Job, result: TaskResult): void {
    held = { bytes: held.bytes - job.bytes, count: held.count - 1 };
    job.resolve(result);
  }

  async function end(thread: Thread): Promise<void> {
    if (thread.job !== null) return;
    threads.delete(thread);
    await thread.worker.terminate();
  }

  return {
    perform(task) {
      const bytes = task.packed.payload.length;
      // A single task is taken whatever its size, or it would never be.
      if (isStopped || held.count >= maxCount || (held.count > 0 && held.bytes + bytes > maxBytes)) return null;
      held = { bytes: held.bytes + bytes, count: held.count + 1 };
      return new Promise((resolve) => {
        // A view of a larger buffer would be cloned with all of it.
        const payload = task.packed.payload.slice();
        queue.push({ task: { ...task, packed: { ...task.packed, payload } }, bytes, attempts: 0, resolve });
        pump();
      });
    },
    status: () => ({ threads: threads.size, queuedTasks: held.count, queuedBytes: held.bytes, crashes }),
    async stop() {
      isStopped = true;
      for (const job of queue.splice(0)) finish(job, { kind: "failed" });
      await Promise.all([...threads].map((thread) => thread.worker.terminate()));
    },
  };
}

/** The built thread lies beside this file's bundle; from sources it is TypeScript, which `tsx` (a development dependency) reads. */
function startThread(given: string | undefined): Worker {
  const here = fileURLToPath(import.meta.url);
  const entry = given ?? join(dirname(here), here.endsWith(".ts") ? "worker.ts" : "privacy-worker.js");
  const resourceLimits = { maxOldGenerationSizeMb: MAX_HEAP_MB };
  if (!entry.endsWith(".ts")) return new Worker(entry, { resourceLimits });
  const load = `import("tsx/esm/api").then(({ register }) => { register(); return import(${JSON.stringify(pathToFileURL(entry).href)}); });`;
  return new Worker(load, { eval: true, resourceLimits });
}
