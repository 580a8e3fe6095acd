/** Statements about pieces of uploads. A piece belongs to who sent it, and to nobody else. */

import type { Queryable } from "../db/db.ts";

/** Keeps a piece. */
export async function insertChunk(db: Queryable, owner: string, checksum: string, body: Uint8Array): Promise<void> {
  await db.query(
    `INSERT INTO artifact_chunks (owner, checksum, body) VALUES ($1, decode($2, 'hex'), $3)
     ON CONFLICT (owner, checksum) DO UPDATE SET created_at = now()`,
    [owner, checksum, Buffer.from(body.buffer, body.byteOffset, body.byteLength)],
  );
}

/** Bytes of the pieces that somebody has lying here. */
export async function chunkBytesOf(db: Queryable, owner: string): Promise<number> {
  const [row] = await db.query<{ bytes: number }>(
    "SELECT coalesce(sum(octet_length(body)), 0)::float8 AS bytes FROM artifact_chunks WHERE owner = $1",
    [owner],
  );
  return row?.bytes ?? 0;
}

/** Those of these pieces that are not here. */
export async function missingChunks(db: Queryable, owner: string, checksums: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ checksum: string }>(
    `SELECT DISTINCT c.checksum FROM unnest($2::text[]) AS c(checksum)
     WHERE NOT EXISTS (SELECT FROM artifact_chunks WHERE owner = $1 AND checksum = decode(c.checksum, 'hex'))`,
    [owner, checksums],
  );
  const missing = new Set(rows.map(({ checksum }) => checksum));
  return checksums.filter((checksum, at) => missing.has(checksum) && checksums.indexOf(checksum) === at);
}

/** One piece; null where it is gone. */
export async function readChunk(db: Queryable, owner: string, checksum: string): Promise<Uint8Array | null> {
  const [row] = await db.query<{ body: Uint8Array }>(
    "SELECT body FROM artifact_chunks WHERE owner = $1 AND checksum = decode($2, 'hex')",
    [owner, checksum],
  );
  return row?.body ?? null;
}

/** Throws the pieces of an upload away, unless it is still to be read for another project. */
export async function removeChunks(db: Queryable, owner: string, checksum: string, pieces: readonly string[]): Promise<void> {
  await db.query(
    `DELETE FROM artifact_chunks WHERE owner = $1 AND checksum IN (SELECT decode(c, 'hex') FROM unnest($3::text[]) AS c)
       AND NOT EXISTS (SELECT FROM artifact_bundles WHERE checksum = $2 AND state = 'reading')`,
    [owner, checksum, pieces],
  );
}
