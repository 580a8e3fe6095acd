/** One worker thread for what is too large for the event loop: started when it is needed, ended when it has not been for a while. */

import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { RepairAnswer, RepairTask } from "./worker.ts";

const IDLE_MS = 30_000;
const TIMEOUT_MS = 30_000;
/** Objects take about ten times the bytes of their JSON. */
const MAX_HEAP_MB = 768;

/** Repairs in a thread, one task after the other. */
export interface RepairThread {
  /** Null also where the thread ended over the task (out of memory, too slow). Never rejects. */
  perform(task: RepairTask): Promise<RepairAnswer>;
}

interface Waiting {
  task: RepairTask;
  resolve(answer: RepairAnswer): void;
}

/** Builds one that has not started anything; it never keeps a process alive. */
export function createRepairThread(timeoutMs = TIMEOUT_MS): RepairThread {
  const queue: Waiting[] = [];
  let worker: Worker | null = null;
  let current: Waiting | null = null;
  let timer: NodeJS.Timeout | null = null;

  function setTimer(ms: number, then: () => void): void {
    if (timer) clearTimeout(timer);
    timer = setTimeout(then, ms);
    timer.unref();
  }

  /** Before it ends, so that nothing more is sent to it. */
  function dismiss(): void {
    const idle = worker;
    worker = null;
    void idle?.terminate();
  }

  function pump(): void {
    if (current !== null) return;
    const next = queue.shift();
    if (next === undefined) {
      if (worker) setTimer(IDLE_MS, dismiss);
      return;
    }
    current = next;
    const used = (worker ??= start());
    used.ref();
    setTimer(timeoutMs, () => void used.terminate());
    // A view of a larger buffer would be cloned with all of it.
    used.postMessage({ ...next.task, recording: next.task.recording.slice() });
  }

  function settle(answer: RepairAnswer): void {
    const done = current;
    current = null;
    worker?.unref();
    done?.resolve(answer);
    pump();
  }

  function start(): Worker {
    const made = startWorker();
    made.on("message", settle);
    // `exit` follows, and says what has to be done.
    made.on("error", () => undefined);
    made.on("exit", () => {
      if (worker !== made) return;
      worker = null;
      settle(null);
    });
    return made;
  }

  return {
    perform(task) {
      return new Promise((resolve) => {
        queue.push({ task, resolve });
        pump();
      });
    },
  };
}

/** The built thread lies beside this file's bundle; from sources it is TypeScript, which `tsx` (a development dependency) reads. */
function startWorker(): Worker {
  const here = fileURLToPath(import.meta.url);
  const resourceLimits = { maxOldGenerationSizeMb: MAX_HEAP_MB };
  if (!here.endsWith(".ts")) return new Worker(join(dirname(here), "recordings-worker.js"), { resourceLimits });
  const entry = pathToFileURL(join(dirname(here), "worker.ts")).href;
  const load = `import("tsx/esm/api").then(({ register }) => { register(); return import(${JSON.stringify(entry)}); });`;
  return new Worker(load, { eval: true, resourceLimits });
}
