/** From claimed rows of the intake to what is to be written of them: read, cleaned, redacted, mapped. Writes nothing. */

import { setImmediate } from "node:timers/promises";
import type { Queryable } from "../db/db.ts";
import type { Digested } from "../digested.ts";
import type { Feedback } from "../errors/errors.ts";
import { readIntakeHead } from "../intake-head.ts";
import type { SourceMaps } from "../sourcemaps/sourcemaps.ts";
import { readCspReport } from "./csp-report.ts";
import { readFeedback } from "./feedback.ts";
import { withHeadline } from "./headline.ts";
import { createGroupRedaction } from "./group-redaction.ts";
import type { ClaimedRow } from "./intake-queries.ts";
import { get, parseAny, parseItem } from "./reader.ts";
import { type DigestRedaction, redactDigested } from "./redact.ts";
import { readSdkEvent, type Received } from "./sdk-event.ts";
import { linkSessions } from "./session-links.ts";
import { symbolicate } from "./symbolicate.ts";
import { readTrackerRows } from "./tracker-rows.ts";
import { Unreadable } from "./unreadable.ts";

/** What is to be written of one row. */
export type Reading =
  | { kind: "occurrence"; row: ClaimedRow; digested: Digested }
  | { kind: "feedback"; row: ClaimedRow; feedback: Feedback }
  /** There is nothing to keep: the row just goes. */
  | { kind: "nothing"; row: ClaimedRow }
  /** It never can be read. */
  | { kind: "unreadable"; row: ClaimedRow; fault: string }
  /** Something of ours went wrong over it. */
  | { kind: "failed"; row: ClaimedRow; error: unknown };

/** What reading needs. */
export interface ReadDeps {
  db: Queryable;
  redaction: DigestRedaction;
  sourcemaps: Pick<SourceMaps, "map">;
}

/** The event loop is given to others after so much work. */
const MAX_BUSY_MS = 6;

/**
 * Reads a group, in order. A row that cannot be read does not harm the others.
 * @throws what the database throws
 */
export async function readRows(deps: ReadDeps, rows: readonly ClaimedRow[]): Promise<Reading[]> {
  const trackers = await readTrackerRows(
    deps.db,
    rows.filter((row) => row.kind === "tracker_error"),
  );
  const readings: Reading[] = [];
  const redaction = createGroupRedaction(deps.redaction);
  let busyFrom = performance.now();
  for (const row of rows) {
    readings.push(readOne(redaction, row, trackers));
    if (performance.now() - busyFrom < MAX_BUSY_MS) continue;
    await setImmediate();
    busyFrom = performance.now();
  }
  return finish(deps, readings);
}

function readOne(redaction: DigestRedaction, row: ClaimedRow, trackers: ReadonlyMap<number, Digested>): Reading {
  try {
    return readKind(redaction, row, trackers);
  } catch (error) {
    if (error instanceof Unreadable) return { kind: "unreadable", row, fault: error.message };
    return { kind: "failed", row, error };
  }
}

function readKind(redaction: DigestRedaction, row: ClaimedRow, trackers: ReadonlyMap<number, Digested>): Reading {
  const received: Received = {
    intakeId: row.intake_id,
    projectId: row.project_id,
    receivedAt: row.received_at.getTime(),
    head: readIntakeHead(row.head),
  };
  const body = row.body ?? new Uint8Array(0);
  const occurrence = (digested: Digested): Reading => ({
    kind: "occurrence",
    row,
    digested: redactDigested(redaction, digested),
  });
  switch (row.kind) {
    case "tracker_error": {
      // Erased, or gone by its age: then there is nothing to keep.
      const digested = trackers.get(row.intake_id);
      return digested ? occurrence(digested) : { kind: "nothing", row };
    }
    case "event": {
      const event = parseItem(body);
      // The old endpoint took traces as well.
      return get(event, "type") === "transaction" ? { kind: "nothing", row } : occurrence(readSdkEvent(event, received));
    }
    case "csp_report":
      return occurrence(readCspReport(parseAny(body), received));
    case "feedback":
      return { kind: "feedback", row, feedback: readFeedback(parseItem(body), received, redaction) };
    default:
      return row.kind satisfies never;
  }
}

/** What is done for a whole group at once: sessions are looked up, stacks are mapped. */
async function finish({ db, sourcemaps }: ReadDeps, readings: readonly Reading[]): Promise<Reading[]> {
  const found = readings.flatMap((reading) => (reading.kind === "occurrence" ? [reading.digested] : []));
  const linked = await linkSessions(db, found);
  const mapped = await symbolicate(
    sourcemaps,
    linked.filter((one) => one !== null),
  );
  let at = 0;
  let next = 0;
  return readings.map((reading): Reading => {
    if (reading.kind !== "occurrence") return reading;
    if (linked[at++] === null) return { kind: "nothing", row: reading.row };
    const digested = mapped[next++];
    return { ...reading, digested: withHeadline(digested ?? reading.digested) };
  });
}
