/** What an error of Postgres or of the way to it means for the rows that were being written. */

import { UnstorableRow } from "./copy-encode.ts";

/**
 * - `conflict`: a row is there already (23505): the longer way that skips it
 * - `partition`: its day has no partition (any more): make it, then again
 * - `poison`: Postgres will refuse it for ever (22, 23, 54): find the row and put it aside
 * - `busy`: lost a race or took too long (40, 55, 57014): again, soon
 * - `away`: nobody answers, or it cannot write now (08, 53, 57P, 58, 25006, 28, …): again, with back-off, and tell everybody
 */
export type Fault = "conflict" | "partition" | "poison" | "busy" | "away";

/** Puts an error into its class. What nobody knows counts as `away`: nothing is thrown away for an unknown reason. */
export function classify(error: unknown): Fault {
  if (error instanceof UnstorableRow) return "poison";
  const code = sqlState(error);
  if (code === null) return "away";
  if (code === "23505") return "conflict";
  if (code === "23514" && error instanceof Error && error.message.startsWith("no partition")) return "partition";
  if (code === "57014") return "busy";
  switch (code.slice(0, 2)) {
    case "22":
    case "23":
    case "54":
      return "poison";
    case "40":
    case "55":
      return "busy";
    default:
      return "away";
  }
}

/** The SQLSTATE of an error that Postgres sent; null for errors of the network and of our own. */
export function sqlState(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error) || !("severity" in error)) return null;
  return typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : null;
}

/** One line about any error, for the log. */
export function describeFault(error: unknown): { error: string; sqlState: string | null } {
  return { error: error instanceof Error ? error.message : String(error), sqlState: sqlState(error) };
}
