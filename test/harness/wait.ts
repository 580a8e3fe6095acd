/** Waiting for a condition, never for a time. */

export interface WaitOptions {
  /** Default 15 s. */
  timeoutMs?: number;
  /** Time between two looks; default 50 ms. */
  everyMs?: number;
  /** What was waited for, for the message; called at the end, so that it can tell the last state. */
  what?: () => string;
}

/**
 * Looks until `look` gives something that is neither false nor null nor undefined, and returns it.
 * @throws Error when that takes too long, or whatever `look` throws
 */
export async function waitFor<T>(
  look: () => T | Promise<T>,
  { timeoutMs = 15_000, everyMs = 50, what }: WaitOptions = {},
): Promise<Exclude<Awaited<T>, false | null | undefined>> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    // What is left after these three is what the return type says.
    if (seen !== false && seen !== null && seen !== undefined) return seen as Exclude<Awaited<T>, false | null | undefined>;
    if (performance.now() > until) throw new Error(`waited ${timeoutMs} ms in vain for ${what?.() ?? "a condition"}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
