/** Saved searches that name a person, and how they go. */

import type { Queryable } from "../db/db.ts";

/** A user id that is shorter may be part of any word. */
const MIN_PART = 4;

/** Removes the saved searches of a project that look for a person, or have his id in their name; all of them where `userId` is null. */
export async function removeSavedSearches(db: Queryable, projectId: number, userId: string | null): Promise<void> {
  const encoded = userId === null ? null : new URLSearchParams({ v: userId }).toString().slice(2);
  await db.query(
    `DELETE FROM saved_searches WHERE project_id = $1 AND ($2::text IS NULL
       OR position('&user=' || $3 || '&' IN '&' || query || '&') > 0 OR position('&q=' || $3 || '&' IN '&' || query || '&') > 0
       OR name = $2 OR (length($2) >= ${MIN_PART} AND (position($2 IN name) > 0 OR position($3 IN query) > 0)))`,
    [projectId, userId, encoded],
  );
}
