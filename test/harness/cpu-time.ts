/** How much work something is, whatever else the machine does meanwhile. */

/** Milliseconds of the processor that this process spends on `work`; pauses, and the work of others, do not count. */
export function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
