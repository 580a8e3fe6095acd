/** Starting things in order and releasing them in reverse, each within its time. */

import type { Logger } from "./log.ts";

export interface Lifecycle {
  /** Remembers how to release something that has just been started. */
  onStop(name: string, release: () => unknown, timeoutMs?: number): void;
  /** Releases everything, newest first; a fault or a time-out of one is logged and does not stop the others. Later calls wait for the first. */
  stop(): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 5_000;

/** A lifecycle that has started nothing yet. */
export function createLifecycle(logger: Logger): Lifecycle {
  const steps: { name: string; release: () => unknown; timeoutMs: number }[] = [];
  let stopping: Promise<void> | null = null;

  const releaseAll = async () => {
    for (let step = steps.pop(); step; step = steps.pop()) {
      const { name } = step;
      try {
        await withinTime(Promise.resolve(step.release()), step.timeoutMs);
      } catch (error) {
        logger.error("could not release", { name, error });
      }
    }
  };

  return {
    onStop(name, release, timeoutMs = DEFAULT_TIMEOUT_MS) {
      steps.push({ name, release, timeoutMs });
    },
    stop() {
      stopping ??= releaseAll();
      return stopping;
    },
  };
}

/**
 * What `work` resolves to.
 * @throws Error when it takes longer than `timeoutMs`; the work itself goes on unheard
 */
export async function withinTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
