/** Forgets uploads: those that no error has asked for in a long time, those of removed projects, and pieces that nothing was made of. */

import type { Database } from "../db/db.ts";

/** What went. */
export interface CleanedUp {
  bundles: number;
  chunks: number;
}

/** Removes what need not stay; an upload that failed is shown for a week. */
export async function cleanUp(db: Database, retentionDays: number): Promise<CleanedUp> {
  const bundles = await db.query(
    `DELETE FROM artifact_bundles b WHERE b.last_used_at < now() - make_interval(days => $1)
       OR (b.state <> 'ready' AND b.created_at < now() - interval '7 days')
       OR NOT EXISTS (SELECT FROM projects p WHERE p.id = b.project_id AND p.removed_at IS NULL)
     RETURNING 1`,
    [retentionDays],
  );
  const chunks = await db.query("DELETE FROM artifact_chunks WHERE created_at < now() - interval '1 day' RETURNING 1");
  return { bundles: bundles.length, chunks: chunks.length };
}
