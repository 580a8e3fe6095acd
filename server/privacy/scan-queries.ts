/** Every statement about leak scans and their findings. */

import { randomBytes } from "node:crypto";
import type { RedactionPattern } from "../../protocol/redaction.ts";
import { REDACTION_PATTERNS } from "../../protocol/redaction.ts";
import type { Database, Queryable } from "../db/db.ts";

export type ScanState = "pending" | "running" | "done" | "failed" | "cancelled";

/** A scan as people see it. Times are epoch milliseconds. */
export interface LeakScan {
  id: number;
  state: ScanState;
  patterns: string[];
  from: number | null;
  to: number | null;
  createdAt: number;
  startedAt: number | null;
  endedAt: number | null;
  /** Known once it runs. */
  totalSessions: number | null;
  scannedSessions: number;
  scannedBatches: number;
  scannedBytes: number;
  /** Batches that are not what their header says: nothing can be said of them. */
  unreadableBatches: number;
  foundCount: number;
  /** More was found than is listed. */
  truncated: boolean;
  error: string | null;
}

/** Where something was found. Without a tab: in what the session says of itself. */
export interface Finding {
  sessionId: string;
  tab: string | null;
  seq: number | null;
  at: number | null;
  kind: string;
  where: string;
  sample: string;
  /** How often the same value was found in that place of the session; the rest tells of the first time. */
  occurrences: number;
}

/** A scan that somebody works on. */
export interface ClaimedScan {
  id: number;
  projectId: number;
  patterns: RedactionPattern[];
  from: number | null;
  to: number | null;
  createdAt: number;
  salt: Uint8Array;
  /** Sessions up to this id are done. */
  after: string;
  listed: number;
  attempts: number;
}

/** What the work on one session adds. */
export interface SessionResult {
  sessionId: string;
  findings: readonly Finding[];
  foundCount: number;
  batches: number;
  bytes: number;
  unreadable: number;
  isTruncated: boolean;
}

const ms = (column: string) => `floor(extract(epoch FROM ${column}) * 1000)::float8`;
const SCAN = `id, state, patterns, ${ms("from_at")} AS "from", ${ms("to_at")} AS "to", ${ms("created_at")} AS "createdAt",
  ${ms("started_at")} AS "startedAt", ${ms("ended_at")} AS "endedAt", total_sessions AS "totalSessions",
  scanned_sessions AS "scannedSessions", scanned_batches AS "scannedBatches", scanned_bytes::float8 AS "scannedBytes",
  unreadable_batches AS "unreadableBatches", found_count AS "foundCount", truncated, error`;
/** Sessions in the scope of a scan: $1 project, $2 from, $3 to, $4 when it was asked for; clocks of pages may be ahead. */
const IN_SCOPE = `project_id = $1 AND ($2::float8 IS NULL OR started_at >= to_timestamp($2 / 1000.0))
  AND ($3::float8 IS NULL OR started_at <= to_timestamp($3 / 1000.0)) AND started_at <= to_timestamp($4 / 1000.0) + interval '1 hour'`;

/** How long a process that works on a scan may be silent before another goes on with it. */
export const LEASE_SECONDS = 60;
/** Scans that are kept of a project. */
const MAX_KEPT = 50;

/** What a scan is made with. */
export interface NewScan {
  projectId: number;
  requestedBy: number | null;
  patterns: readonly RedactionPattern[];
  from: number | null;
  to: number | null;
}

/** Asks for a scan; forgets the oldest of the project past a number. Returns its id, or null where `maxOpen` wait or run already. */
export async function insertScan(tx: Queryable, scan: NewScan, maxOpen: number): Promise<number | null> {
  const [open] = await tx.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM leak_scans WHERE project_id = $1 AND state IN ('pending', 'running')",
    [scan.projectId],
  );
  if ((open?.count ?? 0) >= maxOpen) return null;
  const [row] = await tx.query<{ id: number }>(
    `INSERT INTO leak_scans (project_id, requested_by, patterns, from_at, to_at, salt)
     VALUES ($1, $2, $3, to_timestamp($4::float8 / 1000.0), to_timestamp($5::float8 / 1000.0), $6) RETURNING id`,
    [scan.projectId, scan.requestedBy, scan.patterns, scan.from, scan.to, randomBytes(16)],
  );
  await tx.query(
    `DELETE FROM leak_scans WHERE project_id = $1 AND state NOT IN ('pending', 'running')
       AND id NOT IN (SELECT id FROM leak_scans WHERE project_id = $1 ORDER BY id DESC LIMIT ${MAX_KEPT})`,
    [scan.projectId],
  );
  return row?.id ?? null;
}

/** The scans of a project, newest first. */
export function listScans(db: Queryable, projectId: number): Promise<LeakScan[]> {
  return db.query(`SELECT ${SCAN} FROM leak_scans WHERE project_id = $1 ORDER BY id DESC LIMIT ${MAX_KEPT}`, [projectId]);
}

/** One scan of a project, or null. */
export async function readScan(db: Queryable, projectId: number, id: number): Promise<LeakScan | null> {
  const [scan] = await db.query<LeakScan>(`SELECT ${SCAN} FROM leak_scans WHERE project_id = $1 AND id = $2`, [projectId, id]);
  return scan ?? null;
}

/** What a scan found, in the order in which it found it; of sessions that are still there. */
export function listFindings(db: Queryable, scanId: number): Promise<Finding[]> {
  return db.query(
    `SELECT f.session_id AS "sessionId", f.tab, f.seq, f.at, f.kind, f.place AS "where", f.sample, f.occurrences
     FROM leak_findings f WHERE f.scan_id = $1 AND EXISTS (SELECT FROM sessions s WHERE s.session_id = f.session_id) ORDER BY f.id`,
    [scanId],
  );
}

/** Ends a scan that waits or runs, or removes one that is over. Null where there is none. */
export async function cancelScan(db: Queryable, projectId: number, id: number): Promise<"cancelled" | "removed" | null> {
  const cancelled = await db.query(
    `UPDATE leak_scans SET state = 'cancelled', ended_at = now(), runner = NULL, lease_until = NULL
     WHERE project_id = $1 AND id = $2 AND state IN ('pending', 'running') RETURNING id`,
    [projectId, id],
  );
  if (cancelled.length > 0) return "cancelled";
  const removed = await db.query("DELETE FROM leak_scans WHERE project_id = $1 AND id = $2 RETURNING id", [projectId, id]);
  return removed.length > 0 ? "removed" : null;
}

/** Takes the oldest scan that nobody works on, those of a runner that went silent included. */
export async function claimScan(db: Queryable, runner: string): Promise<ClaimedScan | null> {
  const [row] = await db.query<ClaimedScan & { patterns: string[] }>(
    `UPDATE leak_scans SET state = 'running', runner = $1, lease_until = now() + interval '${LEASE_SECONDS} seconds',
       attempts = attempts + 1, started_at = coalesce(started_at, now())
     WHERE id = (SELECT id FROM leak_scans WHERE state = 'pending' OR (state = 'running' AND lease_until < now())
                 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING id, project_id AS "projectId", patterns, ${ms("from_at")} AS "from", ${ms("to_at")} AS "to",
       ${ms("created_at")} AS "createdAt", salt, after_session AS after, attempts,
       (SELECT count(*)::int FROM leak_findings f WHERE f.scan_id = leak_scans.id) AS listed`,
    [runner],
  );
  if (!row) return null;
  const { patterns } = row;
  return { ...row, patterns: REDACTION_PATTERNS.filter((name) => patterns.includes(name)) };
}

/** Counts the sessions in the scope of a scan. */
export async function countSessions(db: Queryable, scan: ClaimedScan): Promise<void> {
  await db.query(`UPDATE leak_scans SET total_sessions = (SELECT count(*)::int FROM sessions WHERE ${IN_SCOPE}) WHERE id = $5`, [
    ...scopeOf(scan),
    scan.id,
  ]);
}

/** The next sessions of a scan, with what they say of themselves. */
export function nextSessions(db: Queryable, scan: ClaimedScan, after: string, limit: number): Promise<ScannedSession[]> {
  return db.query(
    `SELECT session_id AS "sessionId", started_on::text AS "startedOn", user_id AS "userId", url, title, referrer, traits
     FROM sessions WHERE ${IN_SCOPE} AND session_id > $5 ORDER BY session_id LIMIT $6`,
    [...scopeOf(scan), after, limit],
  );
}

/** A session as a scan reads it. */
export interface ScannedSession {
  sessionId: string;
  startedOn: string;
  userId: string | null;
  url: string;
  title: string;
  referrer: string;
  traits: unknown;
}

/** Still ours? Then for a while longer. False where the scan was cancelled, or went to another runner. */
export async function renewLease(db: Queryable, id: number, runner: string): Promise<boolean> {
  const rows = await db.query(
    `UPDATE leak_scans SET lease_until = now() + interval '${LEASE_SECONDS} seconds'
     WHERE id = $1 AND runner = $2 AND state = 'running' RETURNING id`,
    [id, runner],
  );
  return rows.length > 0;
}

/**
 * Keeps what a session gave, and that it is done, in one transaction: a scan that goes on elsewhere neither skips nor repeats it. Nothing
 * is kept of a session that is gone meanwhile.
 * @returns false where the scan is not ours any more; then nothing was written
 */
export async function saveSession(db: Database, id: number, runner: string, result: SessionResult): Promise<boolean> {
  return db.transaction(async (tx) => {
    const ours = await tx.query("SELECT id FROM leak_scans WHERE id = $1 AND runner = $2 AND state = 'running' FOR UPDATE", [
      id,
      runner,
    ]);
    if (ours.length === 0) return false;
    const there = await tx.query("SELECT 1 FROM sessions WHERE session_id = $1 FOR KEY SHARE", [result.sessionId]);
    if (there.length > 0 && result.findings.length > 0) {
      await tx.query(
        `INSERT INTO leak_findings (scan_id, session_id, tab, seq, at, kind, place, sample, occurrences)
         SELECT $1, f."sessionId", f.tab, f.seq, f.at, f.kind, f."where", f.sample, f.occurrences
         FROM jsonb_to_recordset($2::jsonb) AS f("sessionId" text, tab text, seq int, at float8, kind text, "where" text, sample text, occurrences int)`,
        [id, JSON.stringify(result.findings)],
      );
    }
    await tx.query(
      `UPDATE leak_scans SET after_session = $2, scanned_sessions = scanned_sessions + 1, scanned_batches = scanned_batches + $3,
         scanned_bytes = scanned_bytes + $4, unreadable_batches = unreadable_batches + $5, found_count = found_count + $6,
         truncated = truncated OR $7, lease_until = now() + interval '${LEASE_SECONDS} seconds', attempts = 1
       WHERE id = $1`,
      [id, result.sessionId, result.batches, result.bytes, result.unreadable, result.foundCount, result.isTruncated],
    );
    return true;
  });
}

/** Ends a scan of ours, and sweeps away what was found in sessions that are gone. */
export async function endScan(db: Queryable, id: number, runner: string, error: string | null): Promise<void> {
  await db.query(
    `DELETE FROM leak_findings f WHERE f.scan_id = $1 AND NOT EXISTS (SELECT FROM sessions s WHERE s.session_id = f.session_id)`,
    [id],
  );
  await db.query(
    `UPDATE leak_scans SET state = CASE WHEN $3::text IS NULL THEN 'done' ELSE 'failed' END, error = $3, ended_at = now(), runner = NULL,
       lease_until = NULL WHERE id = $1 AND runner = $2 AND state = 'running'`,
    [id, runner, error],
  );
}

/** Gives a scan of ours back before it is done: whoever starts next goes on with it. */
export async function releaseScan(db: Queryable, id: number, runner: string): Promise<void> {
  await db.query(
    `UPDATE leak_scans SET state = 'pending', runner = NULL, lease_until = NULL, attempts = attempts - 1
     WHERE id = $1 AND runner = $2 AND state = 'running'`,
    [id, runner],
  );
}

function scopeOf(scan: ClaimedScan): unknown[] {
  return [scan.projectId, scan.from, scan.to, scan.createdAt];
}
