/** Signals to a Postgres that is not, or not surely, our child. */

import { setTimeout as sleep } from "node:timers/promises";

/** How a server is stopped: `fast` writes everything out; `immediate` is a crash that the next start recovers from. */
export type StopMode = "fast" | "immediate";

const FAST_STOP_MS = 30_000;

/** Sends the signal of `mode` and waits until `isGone`; a fast stop that takes too long becomes an immediate one. */
export async function stopProcess(pid: number, mode: StopMode, isGone: () => boolean): Promise<void> {
  const deadline = Date.now() + FAST_STOP_MS;
  signal(pid, mode === "fast" ? "SIGINT" : "SIGQUIT");
  let isForced = mode === "immediate";
  while (!isGone()) {
    if (!isForced && Date.now() > deadline) {
      isForced = true;
      signal(pid, "SIGQUIT");
    }
    await sleep(10);
  }
}

/** Sends a signal; a process that is gone already is fine. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already, which is what the signal was for.
  }
}

/** True where a process of that number exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
