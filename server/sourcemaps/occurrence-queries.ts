/** Statements about stored occurrences whose frames may be mapped by an upload that came later. */

import type { OccurrenceDetail } from "../../protocol/occurrence.ts";
import type { Queryable } from "../db/db.ts";

/** An occurrence of the build of an upload. */
export interface LateOccurrence {
  errorId: string;
  projectId: number;
  release: string;
  detail: OccurrenceDetail;
}

/** Debug ids in the frames of `o`, of exceptions and of a thread alone. */
const DEBUG_IDS = `SELECT d #>> '{}' FROM jsonb_path_query(o.detail, 'lax $.exceptions[*].frames[*].debugId') AS d
  UNION ALL SELECT d #>> '{}' FROM jsonb_path_query(o.detail, 'lax $.frames[*].debugId') AS d`;

/**
 * Occurrences of the project of an upload that are of its release or name one of its debug ids, and that have a frame that could not be
 * mapped; newest first, those older than `before` (an error's id).
 */
export function lateOccurrences(
  db: Queryable,
  bundleId: number,
  before: string | null,
  limit: number,
): Promise<LateOccurrence[]> {
  return db.query(
    `SELECT o.error_id AS "errorId", o.project_id AS "projectId", o.release, o.detail
     FROM artifact_bundles b JOIN occurrences o ON o.project_id = b.project_id
     LEFT JOIN occurrences p ON p.error_id = $2::uuid
     WHERE b.bundle_id = $1 AND ($2::uuid IS NULL OR (o.received_at, o.error_id) < (p.received_at, p.error_id))
       AND jsonb_path_exists(o.detail, 'lax $.**.mapFault')
       AND ((b.release <> '' AND o.release = b.release) OR EXISTS (
         SELECT FROM artifacts a WHERE a.bundle_id = b.bundle_id AND a.debug_id IS NOT NULL AND a.debug_id::text IN (${DEBUG_IDS})))
     ORDER BY o.received_at DESC, o.error_id DESC LIMIT $3`,
    [bundleId, before, limit],
  );
}

/** Writes what is known of an occurrence now; false where it is gone. */
export async function saveDetail(db: Queryable, errorId: string, detail: OccurrenceDetail): Promise<boolean> {
  const rows = await db.query(
    "UPDATE occurrences SET detail = $2::jsonb, symbolicated_at = now() WHERE error_id = $1 RETURNING 1",
    [errorId, JSON.stringify(detail)],
  );
  return rows.length > 0;
}
