/** The door of ingest: batches in, in order, each once; forwarded to the live edge, stored, and only then acknowledged. */

import type { Envelope } from "../../protocol/codec.ts";
import type { CloseName } from "../../protocol/close-codes.ts";
import type { ToTrackerMessage } from "../../protocol/tracker-messages.ts";
import type { Project } from "../projects/projects.ts";

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

export interface Ingest {
  connect(port: TrackerPort): TrackerConnection;
  status(): { connections: number; sessions: number; tabs: number; heldBytes: number };
  start(): void;
  /** Takes nothing new; resolves when what was taken has been handed to the store. */
  drain(): Promise<void>;
}
