/** Statements of playlists. Times of day are epoch milliseconds, ranges are page time. */

import type { Queryable } from "../db/db.ts";

/** A playlist in the list of its project. */
export interface Playlist {
  playlistId: number;
  name: string;
  description: string;
  userId: number;
  madeBy: string;
  createdAt: number;
  changedAt: number;
  itemCount: number;
}

/** A session in a playlist, with as much of it as a row shows. */
export interface PlaylistItem {
  itemId: number;
  sessionId: string;
  /** Page times; null for the whole session. */
  fromAt: number | null;
  toAt: number | null;
  note: string;
  addedAt: number;
  session: { userId: string | null; url: string; title: string; startedAt: number; lastAt: number; errorCount: number };
}

const LISTS = `SELECT p.playlist_id AS "playlistId", p.name, p.description, p.user_id AS "userId", coalesce(u.email, '') AS "madeBy",
  (extract(epoch FROM p.created_at) * 1000)::float8 AS "createdAt", (extract(epoch FROM p.changed_at) * 1000)::float8 AS "changedAt",
  (SELECT count(*) FROM playlist_items i WHERE i.playlist_id = p.playlist_id)::integer AS "itemCount"
  FROM playlists p LEFT JOIN users u ON u.id = p.user_id`;

/** The playlists of a project, those that changed last first. */
export async function listPlaylists(db: Queryable, projectId: number): Promise<Playlist[]> {
  return db.query<Playlist>(`${LISTS} WHERE p.project_id = $1 ORDER BY p.changed_at DESC, p.playlist_id DESC LIMIT 500`, [
    projectId,
  ]);
}

/** One of them, or null. */
export async function findPlaylist(db: Queryable, projectId: number, playlistId: number): Promise<Playlist | null> {
  const rows = await db.query<Playlist>(`${LISTS} WHERE p.project_id = $1 AND p.playlist_id = $2`, [projectId, playlistId]);
  return rows[0] ?? null;
}

/** Makes one; null where the project has `most` of them. */
export async function insertPlaylist(
  db: Queryable,
  facts: { projectId: number; name: string; description: string; userId: number; now: number },
  most: number,
): Promise<number | null> {
  const rows = await db.query<{ id: number }>(
    `INSERT INTO playlists (project_id, name, description, user_id, created_at, changed_at)
     SELECT $1, $2, $3, $4, to_timestamp($5 / 1000.0), to_timestamp($5 / 1000.0)
     WHERE (SELECT count(*) FROM playlists WHERE project_id = $1) < $6 RETURNING playlist_id AS id`,
    [facts.projectId, facts.name, facts.description, facts.userId, facts.now, most],
  );
  return rows[0]?.id ?? null;
}

/** Changes what is given, and notes that it changed. */
export async function changePlaylist(
  db: Queryable,
  playlistId: number,
  { name, description }: { name?: string | undefined; description?: string | undefined },
  now: number,
): Promise<void> {
  await db.query(
    `UPDATE playlists SET name = coalesce($2, name), description = coalesce($3, description), changed_at = to_timestamp($4 / 1000.0)
     WHERE playlist_id = $1`,
    [playlistId, name ?? null, description ?? null, now],
  );
}

/** Removes one and what is in it; the sessions stay. */
export async function removePlaylist(db: Queryable, playlistId: number): Promise<void> {
  await db.query("DELETE FROM playlists WHERE playlist_id = $1", [playlistId]);
}

/** What is in a playlist, in its order. */
export async function listItems(db: Queryable, playlistId: number, projectId: number): Promise<PlaylistItem[]> {
  return db.query<PlaylistItem>(
    `SELECT i.item_id AS "itemId", i.session_id AS "sessionId", i.from_at AS "fromAt", i.to_at AS "toAt", i.note,
       (extract(epoch FROM i.added_at) * 1000)::float8 AS "addedAt",
       jsonb_build_object('userId', s.user_id, 'url', s.url, 'title', s.title, 'errorCount', s.error_count,
         'startedAt', (extract(epoch FROM s.started_at) * 1000)::float8, 'lastAt', (extract(epoch FROM s.last_at) * 1000)::float8) AS session
     FROM playlist_items i JOIN sessions s ON s.session_id = i.session_id AND s.project_id = $2
     WHERE i.playlist_id = $1 ORDER BY i.place, i.item_id LIMIT 1000`,
    [playlistId, projectId],
  );
}

/** Puts a session at the end; null where the playlist has `most` items, or the session is gone. */
export async function insertItem(
  db: Queryable,
  item: {
    playlistId: number;
    projectId: number;
    sessionId: string;
    fromAt: number | null;
    toAt: number | null;
    note: string;
    userId: number;
    now: number;
  },
  most: number,
): Promise<number | null> {
  const rows = await db.query<{ id: number }>(
    `INSERT INTO playlist_items (playlist_id, session_id, place, from_at, to_at, note, user_id, added_at)
     SELECT $1, s.session_id, (SELECT coalesce(max(place), 0) + 1 FROM playlist_items WHERE playlist_id = $1), $4, $5, $6, $7,
       to_timestamp($8 / 1000.0)
     FROM sessions s WHERE s.session_id = $3 AND s.project_id = $2 AND (SELECT count(*) FROM playlist_items WHERE playlist_id = $1) < $9
     FOR SHARE OF s RETURNING item_id AS id`,
    [item.playlistId, item.projectId, item.sessionId, item.fromAt, item.toAt, item.note, item.userId, item.now, most],
  );
  return rows[0]?.id ?? null;
}

/** Puts the items in this order; those that are not named keep theirs, behind. */
export async function orderItems(db: Queryable, playlistId: number, itemIds: readonly number[]): Promise<void> {
  await db.query(
    `UPDATE playlist_items i SET place = coalesce(array_position($2::integer[], i.item_id), cardinality($2::integer[]) + i.place)
     WHERE i.playlist_id = $1`,
    [playlistId, itemIds],
  );
}

/** Takes one out; false where it is not in it. */
export async function removeItem(db: Queryable, playlistId: number, itemId: number): Promise<boolean> {
  const rows = await db.query("DELETE FROM playlist_items WHERE playlist_id = $1 AND item_id = $2 RETURNING item_id", [
    playlistId,
    itemId,
  ]);
  return rows.length > 0;
}
