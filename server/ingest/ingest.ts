/** The door of ingest: batches in, in order, each once; forwarded to the live edge, stored, and only then acknowledged. */

import type { CloseName } from "../../protocol/close-codes.ts";
import type { Envelope } from "../../protocol/codec.ts";
import type { TrackerLimits } from "../../protocol/limits.ts";
import type { ToTrackerMessage } from "../../protocol/tracker-messages.ts";
import type { Clock } from "../clock.ts";
import type { Live, TrackerRequests } from "../live/live.ts";
import type { Logger } from "../log.ts";
import type { Project } from "../projects/projects.ts";
import type { Store, StoreEvents } from "../store/store.ts";

/** One tracker's way to us, a WebSocket or one HTTP request, as `server/net` gives it to this room. */
export interface TrackerPort {
  readonly id: number;
  readonly project: Project;
  /** Address of the peer as text. */
  readonly peer: string;
  /** Sends in the form of the tracker's first message. */
  send(message: ToTrackerMessage): void;
  close(code: CloseName, reason: string): void;
}

/** What `server/net` tells ingest about that way. */
export interface TrackerConnection {
  /** Takes one decoded frame, whose bytes are the receiver's to keep. Never throws: faults are answered with `error`. */
  receive(envelope: Envelope): void;
  /** Resolves when all that was received so far is durable, refused or given up; the HTTP way answers then. */
  settled(): Promise<void>;
  closed(): void;
}

/** Counts since the start of the process; `heldBytes` is what waits behind holes now. */
export interface IngestStatus {
  connections: number;
  sessions: number;
  tabs: number;
  heldBytes: number;
  batches: number;
  events: number;
  bytes: number;
  duplicates: number;
  /** Holes that nobody filled. */
  gaps: number;
  resends: number;
  /** Batches that the store had no room for. */
  overloads: number;
  /** Messages answered with `error`. */
  refused: number;
}

/** As `StoreEvents` it hears from the store what is durable; as `TrackerRequests` it hears from the live edge what viewers need. */
export interface Ingest extends StoreEvents, TrackerRequests {
  connect(port: TrackerPort): TrackerConnection;
  status(): IngestStatus;
  /** The session was erased from the database: takes nothing more for it, and tells its trackers and viewers. */
  erase(sessionId: string): void;
  start(): void;
  /** Takes nothing new; resolves when what was taken has been handed to the store. */
  drain(): Promise<void>;
}

/** What `createIngest` is given. */
export interface IngestDeps {
  live: Pick<Live, "openTab" | "publish" | "committed" | "update" | "gap" | "end">;
  store: Pick<Store, "openSession" | "append" | "saveProgress" | "endSessions" | "endAbandoned">;
  clock: Clock;
  log: Logger;
  /** `SESSION_SECRET_KEY`, or the one kept in the database: signs resume tokens. */
  secret: string;
  /** Told to every tracker; `sessionIdleMs` and `maxEventsPerSession` are kept by this room. */
  limits: TrackerLimits;
  /** Time between looks for idle sessions (`SESSION_CLEANUP_INTERVAL`). */
  cleanupIntervalMs: number;
}
