/** What people wrote about sessions that names a person or belongs to a project, and how it goes. What is of a session goes with it. */

import type { Queryable } from "../db/db.ts";

/** Tables of no session with words that people wrote, which are written anew when some of them went. */
export const WORD_TABLES = ["playlists", "embedding", "saved_searches"] as const;

/** A user id that is shorter may be part of any word. */
const MIN_PART = 4;
const NAMES_HIM = (column: string): string => `(${column} = $2 OR (length($2) >= ${MIN_PART} AND position($2 IN ${column}) > 0))`;

/** Removes or empties, in a project, the texts that name a person: comments, notes, names. */
export async function removeWordsOfPerson(tx: Queryable, projectId: number, userId: string): Promise<void> {
  const about = [projectId, userId];
  await tx.query(`DELETE FROM session_comments WHERE project_id = $1 AND ${NAMES_HIM("text")}`, about);
  await tx.query(`UPDATE share_links SET name = '' WHERE project_id = $1 AND ${NAMES_HIM("name")}`, about);
  await tx.query(`UPDATE playlists SET name = 'Playlist' WHERE project_id = $1 AND ${NAMES_HIM("name")}`, about);
  await tx.query(`UPDATE playlists SET description = '' WHERE project_id = $1 AND ${NAMES_HIM("description")}`, about);
  await tx.query(
    `UPDATE playlist_items SET note = '' WHERE ${NAMES_HIM("note")}
       AND playlist_id IN (SELECT playlist_id FROM playlists WHERE project_id = $1)`,
    about,
  );
}

/** Removes what a project has of it that is of no session. */
export async function removeSharing(db: Queryable, projectId: number): Promise<void> {
  for (const table of ["playlists", "embedding", "share_links", "session_comments"]) {
    await db.query(`DELETE FROM ${table} WHERE project_id = $1`, [projectId]);
  }
}
