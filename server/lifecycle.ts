/** Starting things in order, releasing them in reverse, each within its time, and ending the process once. */

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

/** npm and shells pass on what the terminal has sent us already, so that one Ctrl-C may come twice. */
const ECHO_MS = 1_000;

/** The end of the process. */
export interface Ending {
  isUnderWay(): boolean;
  /** Says why, releases everything and exits with `code`. Asked again, later than by an echo, it exits at once, and never with 0. */
  end(reason: string, code: number): Promise<void>;
}

/** An end that is not under way yet. */
export function createEnding(
  release: () => Promise<void>,
  { exit, say, now = () => performance.now() }: { exit: (code: number) => void; say: (text: string) => void; now?: () => number },
): Ending {
  let since: number | null = null;
  return {
    isUnderWay: () => since !== null,
    async end(reason, code) {
      if (since !== null) {
        if (now() - since > ECHO_MS) exit(code === 0 ? 1 : code);
        return;
      }
      since = now();
      say(`${reason}: writing what is held, then stopping.`);
      await release();
      say("Stopped.");
      exit(code);
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
