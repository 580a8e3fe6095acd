/** Looks through everything that is stored of one session: what it says of itself, its tabs, markers, errors, and the events of its batches. */

import type { Queryable } from "../db/db.ts";
import { AS_RECEIVED, repairRecording } from "../recordings/recordings.ts";
import { createLeakFinder, type Leak } from "./find-leaks.ts";
import type { Packed } from "./payload-bytes.ts";
import type { ClaimedScan, Finding, ScannedSession, SessionResult } from "./scan-queries.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** Most findings that are listed of one session. */
const MAX_LISTED = 50;
const BATCHES_AT_ONCE = 4;
const MARKERS_AT_ONCE = 200;
const ERRORS_AT_ONCE = 25;

/** What the work on a session needs. */
export interface ScanSessionDeps {
  db: Queryable;
  pool: WorkerPool;
  scan: ClaimedScan;
  /** Asked between pieces; false ends the work at once. */
  goesOn(): Promise<boolean>;
}

interface Row {
  tab: string;
  seq: number;
  ordinal: number;
}

/** Scans one session; null where `goesOn` said no, or a thread could not be had. */
export async function scanSession(deps: ScanSessionDeps, session: ScannedSession): Promise<SessionResult | null> {
  const found = new Map<string, Finding>();
  const result = { batches: 0, bytes: 0, unreadable: 0, foundCount: 0, isTruncated: false };
  const add = (tab: string | null, seq: number | null, at: number | null, leaks: readonly Leak[]) => {
    for (const leak of leaks) {
      result.foundCount++;
      const key = `${leak.kind}\n${leak.where}\n${leak.fingerprint}`;
      const before = found.get(key);
      if (before) before.occurrences++;
      else if (found.size >= MAX_LISTED) result.isTruncated = true;
      else {
        const { kind, where, sample } = leak;
        found.set(key, { sessionId: session.sessionId, tab, seq, at: leak.at ?? at, kind, where, sample, occurrences: 1 });
      }
    }
  };
  const look = (tab: string | null, seq: number | null, at: number | null, parts: readonly (readonly [string, unknown])[]) => {
    const finder = createLeakFinder(deps.scan.patterns, deps.scan.salt);
    for (const [where, value] of parts) finder.value(value, where, at);
    add(tab, seq, at, finder.leaks);
  };

  look(null, null, null, [
    ["session url", session.url],
    ["session title", session.title],
    ["session referrer", session.referrer],
    ["session user id", session.userId ?? ""],
    ["session traits", session.traits],
  ]);
  for (const tab of await readTabs(deps.db, session)) {
    look(tab.tab, null, null, [
      ["tab url", tab.url],
      ["tab title", tab.title],
    ]);
  }
  for await (const marker of pages(deps, (after) => readMarkers(deps.db, session, after), MARKERS_AT_ONCE)) {
    if (marker === null) return null;
    look(marker.tab, marker.seq, marker.at, [
      [`marker ${marker.kind} name`, marker.name],
      [`marker ${marker.kind} text`, marker.text],
      [`marker ${marker.kind} data`, marker.data],
    ]);
  }
  for await (const error of pages(deps, (after) => readErrors(deps.db, session, after), ERRORS_AT_ONCE)) {
    if (error === null) return null;
    look(error.tab, error.seq, error.at, [
      ["error message", error.message],
      ["error stack", error.stack],
      ["error url", error.url],
      ["error data", error.data],
    ]);
  }
  for await (const batch of pages(deps, (after) => readBatches(deps.db, session, after), BATCHES_AT_ONCE)) {
    if (batch === null) return null;
    const { patterns, salt } = deps.scan;
    const packed = await readPacked(batch);
    const answer = await deps.pool.perform({ kind: "scan", packed, patterns, salt });
    if (answer === null || (answer.kind === "failed" && !(await deps.goesOn()))) return null;
    result.batches++;
    result.bytes += batch.payload.length;
    if (answer.kind === "scanned") add(batch.tab, batch.seq, batch.at, answer.leaks);
    else result.unreadable++;
  }
  return { sessionId: session.sessionId, findings: [...found.values()], ...result };
}

/** Row after row, page after page; null once `goesOn` says no. */
async function* pages<R extends Row>(
  deps: ScanSessionDeps,
  read: (after: Row) => Promise<R[]>,
  size: number,
): AsyncGenerator<R | null> {
  let after: Row = { tab: "", seq: -1, ordinal: -1 };
  for (;;) {
    if (!(await deps.goesOn())) {
      yield null;
      return;
    }
    const rows = await read(after);
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < size) return;
    after = last;
  }
}

/** A segment of a Sentry replay is stored as it was received; one that cannot be read goes on as bytes that are no JSON. */
async function readPacked({
  encoding,
  rawBytes,
  payload,
}: {
  encoding: number;
  rawBytes: number;
  payload: Uint8Array;
}): Promise<Packed> {
  if (encoding !== AS_RECEIVED) return { encoding: encoding === 1 ? "deflate-raw" : "json", rawBytes, payload };
  const repaired = await repairRecording(payload);
  return repaired
    ? { encoding: "deflate-raw", rawBytes: repaired.rawBytes, payload: repaired.payload }
    : { encoding: "json", rawBytes: 1, payload: Uint8Array.of(0x5b) };
}

const OF_SESSION = "session_id = $1 AND started_on = $2::date";
const valuesOf = ({ sessionId, startedOn }: ScannedSession) => [sessionId, startedOn];

function readTabs(db: Queryable, session: ScannedSession): Promise<{ tab: string; url: string; title: string }[]> {
  return db.query("SELECT tab, url, title FROM session_tabs WHERE session_id = $1 ORDER BY tab", [session.sessionId]);
}

function readMarkers(
  db: Queryable,
  session: ScannedSession,
  after: Row,
): Promise<(Row & { kind: string; at: number; name: string; text: string; data: unknown })[]> {
  return db.query(
    `SELECT tab, seq, ordinal, kind, at, name, text, data FROM session_markers
     WHERE ${OF_SESSION} AND kind <> 'error' AND (tab, seq, ordinal) > ($3, $4, $5) ORDER BY tab, seq, ordinal LIMIT ${MARKERS_AT_ONCE}`,
    [...valuesOf(session), after.tab, after.seq, after.ordinal],
  );
}

function readErrors(
  db: Queryable,
  session: ScannedSession,
  after: Row,
): Promise<(Row & { at: number; message: string; stack: string; url: string; data: unknown })[]> {
  return db.query(
    `SELECT tab, seq, ordinal, at, message, stack, url, data FROM session_errors
     WHERE ${OF_SESSION} AND (tab, seq, ordinal) > ($3, $4, $5) ORDER BY tab, seq, ordinal LIMIT ${ERRORS_AT_ONCE}`,
    [...valuesOf(session), after.tab, after.seq, after.ordinal],
  );
}

function readBatches(
  db: Queryable,
  session: ScannedSession,
  after: Row,
): Promise<(Row & { at: number; encoding: number; rawBytes: number; payload: Uint8Array })[]> {
  return db.query(
    `SELECT tab, seq, 0 AS ordinal, first_at AS at, encoding, raw_bytes AS "rawBytes", payload FROM session_events
     WHERE ${OF_SESSION} AND payload IS NOT NULL AND (tab, seq) > ($3, $4) ORDER BY tab, seq LIMIT ${BATCHES_AT_ONCE}`,
    [...valuesOf(session), after.tab, after.seq],
  );
}
