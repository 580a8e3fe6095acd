/** After the storm: what the trackers were told against what the database has. */

import type pg from "pg";
import type { Journal } from "./journal.ts";
import { hasMarker, payloadOf } from "./payload.ts";
import type { LossTracker } from "./trackers.ts";

interface Row {
  session_id: string;
  tab: string;
  seq: number;
  payload: Buffer;
}

interface MarkerRow {
  session_id: string;
  tab: string;
  seq: number;
  project_id: number;
  text: string;
}

export interface Tally {
  sent: number;
  acked: number;
  stored: number;
  resent: number;
  /** Acknowledged and not stored (LOS-1). */
  lost: number;
  /** Stored more than once (LOS-2). */
  repeated: number;
}

/** Compares journal and database, and reports every breach of LOS-1, LOS-2, LOS-3 and LOS-8. */
export async function checkStored(
  client: pg.Client,
  trackers: readonly LossTracker[],
  journal: Journal,
  report: (breach: string) => void,
): Promise<Tally> {
  const acked = journal.read();
  const rows = (await client.query<Row>("SELECT session_id, tab, seq, payload FROM session_events ORDER BY session_id, tab, seq"))
    .rows;
  const bySession = groupBy(rows, (row) => `${row.session_id}/${row.tab}`);
  const tally: Tally = { sent: 0, acked: 0, stored: rows.length, resent: 0, lost: 0, repeated: 0 };
  for (const tracker of trackers) {
    const { name, tab } = tracker.identity;
    const key = `${tracker.storedSessionId()}/${tab}`;
    const stored = bySession.get(key) ?? [];
    bySession.delete(key);
    const seqs = new Set(stored.map((row) => row.seq));
    const ackedSeqs = acked.get(name) ?? new Set();
    const lost = [...ackedSeqs].filter((seq) => !seqs.has(seq));
    tally.sent += tracker.sent();
    tally.acked += ackedSeqs.size;
    tally.resent += tracker.resent();
    tally.lost += lost.length;
    tally.repeated += stored.length - seqs.size;
    if (lost.length > 0) report(`LOS-1 ${name}: ${lost.length} acknowledged batches are not stored, first ${lost[0] ?? ""}`);
    if (stored.length > seqs.size) report(`LOS-2 ${name}: ${stored.length - seqs.size} batches are stored more than once`);
    const changed = stored.filter((row) => !payloadOf(name, row.seq).equals(row.payload));
    if (changed.length > 0)
      report(`LOS-2 ${name}: the bytes of ${changed.length} batches changed, first ${changed[0]?.seq ?? ""}`);
    const missing = Array.from({ length: tracker.sent() }, (_, seq) => seq).filter((seq) => !seqs.has(seq));
    if (missing.length > 0) report(`LOS-3 ${name}: ${missing.length} sent batches are not stored, first ${missing[0] ?? ""}`);
  }
  for (const [key, strays] of bySession) report(`LOS-8 ${strays.length} batches are stored under ${key}, which nobody owns`);
  await checkMarkers(client, trackers, report);
  return tally;
}

/** Markers and occurrences are written with their batch: one each, for the right project. */
async function checkMarkers(
  client: pg.Client,
  trackers: readonly LossTracker[],
  report: (breach: string) => void,
): Promise<void> {
  for (const table of ["session_markers", "session_errors"]) {
    const column = table === "session_markers" ? "text" : "message";
    const sql = `SELECT session_id, tab, seq, project_id, ${column} AS text FROM ${table}`;
    const byTab = groupBy((await client.query<MarkerRow>(sql)).rows, (row) => `${row.session_id}/${row.tab}`);
    for (const tracker of trackers) {
      const { name, tab, projectId } = tracker.identity;
      const found = byTab.get(`${tracker.storedSessionId()}/${tab}`) ?? [];
      const expected = Array.from({ length: tracker.sent() }, (_, seq) => seq).filter(hasMarker).length;
      if (found.length !== expected) report(`LOS-2 ${name}: ${found.length} rows in ${table}, expected ${expected}`);
      const wrong = found.find((row) => row.text !== `${name}/${row.seq}` || row.project_id !== projectId);
      if (wrong) report(`LOS-8 ${name}: a row in ${table} is somebody else's (${wrong.text}, project ${wrong.project_id})`);
    }
  }
}

/** `Map.groupBy` came with Node 21. */
function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group) group.push(value);
    else groups.set(keyOf(value), [value]);
  }
  return groups;
}
