/** The highest resident memory that a process reaches while one looks. */

import type { ServerProcess } from "./processes.ts";

const LOOK_MS = 50;

/** Looks until `stop()`, which answers the most bytes seen. */
export function watchMemory(server: ServerProcess): { stop(): number } {
  let most = server.rssBytes();
  const timer = setInterval(() => {
    most = Math.max(most, server.rssBytes());
  }, LOOK_MS);
  return {
    stop() {
      clearInterval(timer);
      return Math.max(most, server.rssBytes());
    },
  };
}
