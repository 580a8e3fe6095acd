/** Statements that read occurrences. */

import type { Queryable } from "../db/db.ts";

const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

/** One reported error, and where it was recorded. */
export interface Occurrence {
  id: string;
  projectId: number;
  sessionId: string;
  tab: string;
  seq: number;
  /** Page time. */
  at: number;
  receivedAt: number;
  type: string;
  message: string;
  stack: string;
  url: string;
  data: Record<string, unknown>;
}

/** An occurrence of these projects, with the partition of its session and the visitor's id; null where there is none. */
export async function findOccurrence(
  db: Queryable,
  id: string,
  projectIds: readonly number[],
): Promise<{ occurrence: Occurrence; startedOn: string; personId: string | null } | null> {
  if (!UUID.test(id)) return null;
  const rows = await db.query<Occurrence & { started_on: string; person_id: string | null }>(
    `SELECT error_id AS id, project_id AS "projectId", session_id AS "sessionId", tab, seq, at,
       (extract(epoch FROM received_at) * 1000)::float8 AS "receivedAt", type, message, stack, url, data, started_on,
       (SELECT s.user_id FROM sessions s WHERE s.session_id = e.session_id) AS person_id
     FROM session_errors e WHERE error_id = $1::uuid AND project_id = ANY($2::integer[]) LIMIT 1`,
    [id, projectIds],
  );
  const [row] = rows;
  if (!row) return null;
  const { started_on: startedOn, person_id: personId, ...occurrence } = row;
  return { occurrence, startedOn, personId };
}
