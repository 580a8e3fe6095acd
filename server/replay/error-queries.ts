/** Statements that read reported errors: digested ones of both sources, and a tracker's that waits for its digest. */

import type { Level, Occurrence, OccurrenceDetail } from "../../protocol/occurrence.ts";
import type { Queryable } from "../db/db.ts";

const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

/** How a tracker reported it: the batch that it came with, and the stack as the browser gave it. */
interface Recorded {
  id: string;
  projectId: number;
  sessionId: string;
  tab: string;
  seq: number;
  at: number;
  receivedAt: number;
  type: string;
  message: string;
  stack: string;
  url: string;
  data: Record<string, unknown>;
}

/** One reported error. `issueId` is 0 while it waits for its digest; `seq` is null of what no tracker reported. */
export interface ReportedError extends Occurrence {
  /** The same as `errorId`. */
  id: string;
  seq: number | null;
  stack: string;
  data: Record<string, unknown>;
}

/** A reported error of these projects, or null. */
export async function findReportedError(db: Queryable, id: string, projectIds: readonly number[]): Promise<ReportedError | null> {
  if (!UUID.test(id)) return null;
  const [occurrence, recorded] = await Promise.all([readOccurrence(db, id, projectIds), readRecorded(db, id, projectIds)]);
  const seen = occurrence ?? (recorded && undigested(recorded));
  if (!seen) return null;
  return { ...seen, id: seen.errorId, seq: recorded?.seq ?? null, stack: recorded?.stack ?? "", data: recorded?.data ?? {} };
}

async function readOccurrence(db: Queryable, id: string, projectIds: readonly number[]): Promise<Occurrence | null> {
  const rows = await db.query<Omit<Occurrence, "level"> & { level: Level }>(
    `SELECT error_id AS "errorId", issue_id AS "issueId", project_id AS "projectId", event_id AS "eventId", source,
       (extract(epoch FROM received_at) * 1000)::float8 AS "receivedAt", at, session_id AS "sessionId", tab, user_id AS "userId", level,
       type, message, culprit, transaction, release, environment, platform, url, tags, detail
     FROM occurrences WHERE error_id = $1::uuid AND project_id = ANY($2::integer[])`,
    [id, projectIds],
  );
  return rows[0] ?? null;
}

async function readRecorded(db: Queryable, id: string, projectIds: readonly number[]): Promise<Recorded | null> {
  const rows = await db.query<Recorded>(
    `SELECT error_id AS id, project_id AS "projectId", session_id AS "sessionId", tab, seq, at,
       (extract(epoch FROM received_at) * 1000)::float8 AS "receivedAt", type, message, stack, url, data
     FROM session_errors WHERE error_id = $1::uuid AND project_id = ANY($2::integer[]) LIMIT 1`,
    [id, projectIds],
  );
  return rows[0] ?? null;
}

const NO_DETAIL: OccurrenceDetail = {
  exceptions: [],
  frames: [],
  template: "",
  fingerprint: [],
  breadcrumbs: [],
  request: null,
  user: null,
  contexts: {},
  sdk: null,
  serverName: "",
  dist: "",
  traceId: "",
  replayId: "",
  notes: ["This error waits to be read: its stack and what came with it are not here yet."],
};

/** What is known of a tracker's error before it is digested. */
function undigested({ id, seq: _seq, stack: _stack, data: _data, ...recorded }: Recorded): Occurrence {
  const { type, message: value } = recorded;
  return {
    ...recorded,
    errorId: id,
    issueId: 0,
    eventId: id.replaceAll("-", ""),
    source: "tracker",
    userId: null,
    level: "error",
    culprit: "",
    transaction: "",
    release: "",
    environment: "",
    platform: "javascript",
    tags: {},
    detail: { ...NO_DETAIL, exceptions: [{ type, value, frames: [] }] },
  };
}
