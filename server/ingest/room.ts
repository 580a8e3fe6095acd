/** What the files of this room share. */

import type { IngestDeps } from "./ingest.ts";
import type { OpenSession, OpenTab } from "./sessions.ts";

/** Most bytes that wait in this room together: behind holes, and behind `session_start`s that the store has not answered yet. */
export const MAX_WAITING_BYTES = 32 * 1024 * 1024;

/** Most erased sessions that are remembered. */
const MAX_ERASED = 10_000;

export interface IngestRoom {
  readonly deps: IngestDeps;
  /** By session id. */
  readonly sessions: Map<string, OpenSession>;
  /** Tabs that wait for a hole to be filled. */
  readonly holed: Set<OpenTab>;
  /** Sessions that changed since they were last written to the database. */
  dirty: OpenSession[];
  readonly counts: IngestCounts;
  /** Bytes that wait in this room now. */
  waitingBytes: number;
  isDraining: boolean;
  /** Sessions that were erased: a tracker that comes back does not bring them back. The oldest are forgotten first. */
  readonly erased: Set<string>;
}

/** What this room has seen since the start of the process, for `/metrics`. */
export interface IngestCounts {
  batches: number;
  events: number;
  bytes: number;
  duplicates: number;
  gaps: number;
  resends: number;
  overloads: number;
  refused: number;
}

export function createRoom(deps: IngestDeps): IngestRoom {
  return {
    deps,
    sessions: new Map(),
    holed: new Set(),
    dirty: [],
    counts: { batches: 0, events: 0, bytes: 0, duplicates: 0, gaps: 0, resends: 0, overloads: 0, refused: 0 },
    waitingBytes: 0,
    isDraining: false,
    erased: new Set(),
  };
}

/** Notes that a session was erased. */
export function rememberErased(room: IngestRoom, sessionId: string): void {
  const [oldest] = room.erased;
  if (oldest !== undefined && room.erased.size >= MAX_ERASED) room.erased.delete(oldest);
  room.erased.add(sessionId);
}

/** Facts or counts of a session changed: the database gets them with the next write. */
export function markDirty(room: IngestRoom, session: OpenSession): void {
  if (session.isDirty) return;
  session.isDirty = true;
  room.dirty.push(session);
}
