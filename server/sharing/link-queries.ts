/** Statements of share links and of embedding. */

import type { Queryable } from "../db/db.ts";

/** A share link as people of its project see it; its secret is shown once, when it is made. */
export interface ShareLink {
  linkId: number;
  sessionId: string;
  name: string;
  /** Page times; null for the whole session. */
  fromAt: number | null;
  toAt: number | null;
  showsPanels: boolean;
  /** Who made it. */
  userId: number;
  madeBy: string;
  createdAt: number;
  expiresAt: number;
  openedCount: number;
  openedAt: number | null;
}

/** A link to keep. */
export interface NewLink {
  sessionId: string;
  projectId: number;
  hash: Uint8Array;
  name: string;
  userId: number;
  fromAt: number | null;
  toAt: number | null;
  showsPanels: boolean;
  createdAt: number;
  expiresAt: number;
}

const COLUMNS = `l.link_id AS "linkId", l.session_id AS "sessionId", l.name, l.from_at AS "fromAt", l.to_at AS "toAt",
  l.shows_panels AS "showsPanels", l.user_id AS "userId", coalesce(u.email, '') AS "madeBy",
  (extract(epoch FROM l.created_at) * 1000)::float8 AS "createdAt", (extract(epoch FROM l.expires_at) * 1000)::float8 AS "expiresAt",
  l.opened_count AS "openedCount", (extract(epoch FROM l.opened_at) * 1000)::float8 AS "openedAt"`;

/** The links of a project (of one session where it is given) that are good at `now`, newest first. */
export async function listLinks(db: Queryable, projectId: number, sessionId: string | null, now: number): Promise<ShareLink[]> {
  return db.query<ShareLink>(
    `SELECT ${COLUMNS} FROM share_links l LEFT JOIN users u ON u.id = l.user_id
     WHERE l.project_id = $1 AND ($2::text IS NULL OR l.session_id = $2) AND l.revoked_at IS NULL AND l.expires_at > to_timestamp($3 / 1000.0)
     ORDER BY l.link_id DESC LIMIT 1000`,
    [projectId, sessionId, now],
  );
}

/** Keeps a link, unless the session has `most` good ones, or is gone; null then. */
export async function insertLink(tx: Queryable, link: NewLink, most: number): Promise<number | null> {
  const rows = await tx.query<{ id: number }>(
    `INSERT INTO share_links (session_id, project_id, token_hash, name, user_id, from_at, to_at, shows_panels, created_at, expires_at)
     SELECT s.session_id, s.project_id, $3, $4, $5, $6, $7, $8, to_timestamp($9 / 1000.0), to_timestamp($10 / 1000.0)
     FROM sessions s WHERE s.session_id = $1 AND s.project_id = $2 AND (
       SELECT count(*) FROM share_links l
       WHERE l.session_id = $1 AND l.revoked_at IS NULL AND l.expires_at > to_timestamp($9 / 1000.0)) < $11
     FOR SHARE OF s RETURNING link_id AS id`,
    [
      link.sessionId,
      link.projectId,
      link.hash,
      link.name,
      link.userId,
      link.fromAt,
      link.toAt,
      link.showsPanels,
      link.createdAt,
      link.expiresAt,
      most,
    ],
  );
  return rows[0]?.id ?? null;
}

/** Who made a link that is still good, and of which session it is; null where there is none. */
export async function findLink(
  db: Queryable,
  projectId: number,
  linkId: number,
): Promise<{ userId: number; sessionId: string } | null> {
  const rows = await db.query<{ userId: number; sessionId: string }>(
    `SELECT user_id AS "userId", session_id AS "sessionId" FROM share_links
     WHERE link_id = $1 AND project_id = $2 AND revoked_at IS NULL`,
    [linkId, projectId],
  );
  return rows[0] ?? null;
}

/** Ends a link for good. */
export async function revokeLink(tx: Queryable, linkId: number, now: number): Promise<void> {
  await tx.query("UPDATE share_links SET revoked_at = to_timestamp($2 / 1000.0) WHERE link_id = $1 AND revoked_at IS NULL", [
    linkId,
    now,
  ]);
}

/** Somebody opened it. */
export async function noteOpened(db: Queryable, linkId: number, now: number): Promise<void> {
  await db.query(
    "UPDATE share_links SET opened_count = opened_count + 1, opened_at = to_timestamp($2 / 1000.0) WHERE link_id = $1",
    [linkId, now],
  );
}

/** Where sessions of a project may be embedded, and which embed tokens are good. */
export interface Embedding {
  origins: string[];
  generation: number;
}

/** Of a project that never said anything: nowhere. */
export async function readEmbedding(db: Queryable, projectId: number): Promise<Embedding> {
  const rows = await db.query<Embedding>("SELECT origins, generation FROM embedding WHERE project_id = $1", [projectId]);
  return rows[0] ?? { origins: [], generation: 1 };
}

/** The same, kept from now on, so that tokens can be held to its generation. */
export async function ensureEmbedding(db: Queryable, projectId: number): Promise<Embedding> {
  await db.query("INSERT INTO embedding (project_id) VALUES ($1) ON CONFLICT DO NOTHING", [projectId]);
  return readEmbedding(db, projectId);
}

/** Says whose pages may embed. */
export async function saveOrigins(tx: Queryable, projectId: number, origins: readonly string[]): Promise<void> {
  await tx.query(
    `INSERT INTO embedding (project_id, origins) VALUES ($1, $2)
     ON CONFLICT (project_id) DO UPDATE SET origins = excluded.origins`,
    [projectId, origins],
  );
}

/** Ends every embed token that was made so far. */
export async function endEmbedTokens(tx: Queryable, projectId: number): Promise<void> {
  await tx.query(
    `INSERT INTO embedding (project_id, generation) VALUES ($1, 2)
     ON CONFLICT (project_id) DO UPDATE SET generation = embedding.generation + 1`,
    [projectId],
  );
}
