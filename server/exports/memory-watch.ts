/** What processes hold of the machine's memory, where the system tells (Linux), and a watch that ends those that take too much. */

import { readFile } from "node:fs/promises";

const LOOK_MS = 1_000;

/** Bytes that these processes hold for themselves; those that are gone, or of which nothing is told, count nothing. */
export async function heldBytes(pids: readonly number[]): Promise<number> {
  const each = await Promise.all(pids.map(ownBytes));
  return each.reduce((sum, bytes) => sum + bytes, 0);
}

async function ownBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  // Memory of its own; what it shares with the others would be counted for each of them.
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/**
 * Looks once a second.
 * @param pids those that count now
 * @param onTooMuch called once, when they hold more than `maxBytes`
 * @returns what ends the watch
 */
export function watchMemory(pids: () => Promise<readonly number[]>, maxBytes: number, onTooMuch: () => void): () => void {
  let isLooking = false;
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    void look().finally(() => (isLooking = false));
  }, LOOK_MS);

  async function look(): Promise<void> {
    // Whoever cannot tell has gone.
    const bytes = await heldBytes(await pids().catch(() => []));
    if (bytes <= maxBytes) return;
    clearInterval(timer);
    onTooMuch();
  }

  return () => clearInterval(timer);
}
