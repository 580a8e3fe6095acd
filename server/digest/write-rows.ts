/** Writes what was read of a group: occurrences into their issues, feedback, and the rows out of the intake, all in one transaction. */

import type { Database, Queryable } from "../db/db.ts";
import type { Digested, IssueNews } from "../digested.ts";
import { keepFeedback } from "../errors/errors.ts";
import { removeAttachments, removeRows } from "./intake-queries.ts";
import type { Reading } from "./read-rows.ts";

/** What of issues the digest asks for. */
export interface IssueWriter {
  /**
   * Puts occurrences into their issues, each once by (project, event id), in the caller's transaction.
   * @returns what became of the issues; nothing for an occurrence that was there already
   */
  write(tx: Queryable, digested: readonly Digested[]): Promise<IssueNews[]>;
}

/** A reading that something can be written of. */
export type Writable = Extract<Reading, { kind: "occurrence" | "feedback" | "nothing" }>;

/**
 * Writes readings; those whose row somebody else has digested meanwhile are left out.
 * @throws whatever the database or the issues throw; then nothing of it is written
 */
export function writeRows(db: Database, issues: IssueWriter, readings: readonly Writable[]): Promise<IssueNews[]> {
  return db.transaction(async (tx) => {
    const ours = await removeRows(
      tx,
      readings.map(({ row }) => row.intake_id),
    );
    const kept = readings.filter(({ row }) => ours.has(row.intake_id));
    for (const reading of kept) if (reading.kind === "feedback") await keepFeedback(tx, reading.feedback);
    const empty = kept.filter(({ kind, row }) => kind === "nothing" && row.kind !== "tracker_error");
    await removeAttachments(
      tx,
      empty.map(({ row }) => row),
    );
    const digested = kept.flatMap((reading) => (reading.kind === "occurrence" ? [reading.digested] : []));
    return digested.length === 0 ? [] : issues.write(tx, digested);
  });
}
