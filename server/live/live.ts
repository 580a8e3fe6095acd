/**
 * The door of the live edge: what happens in sessions right now, and who is watching.
 *
 * Feed of one viewer on one session: catching-up (history from the tail, or the database where the tail does not reach) -> live
 * (same bytes to all, by topic) -> resyncing (was too slow; goes on at the newest checkout) -> closed.
 * Promise: within a tab a feed delivers each seq at most once and in order, and says `gap` or `resyncing` before it leaves one out.
 */

import type { Envelope } from "../../protocol/codec.ts";
import type { RrwebEvent } from "../../protocol/rrweb-event.ts";
import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { BatchRow } from "../store/store.ts";

/** One viewer's connection, as `server/net` gives it to this room. */
export interface ViewerPort {
  readonly id: number;
  /** The form of the viewer's first message. */
  readonly form: "binary" | "text";
  /** Sends a ready frame; false where the viewer reads too slowly and the frame was not queued. */
  send(frame: Uint8Array | string): boolean;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Bytes that the viewer has not read yet. */
  backlogBytes(): number;
  maySee(projectId: number): boolean;
}

/** Sends one binary frame to every viewer subscribed to `topic`; implemented by `server/net`. */
export interface Publisher {
  publish(topic: string, frame: Uint8Array): void;
}

/** History of one tab, from the database; implemented by `server/replay`. */
export interface History {
  /** Batches with `seq` in [fromSeq, toSeq], in order. */
  readBatches(
    session: { sessionId: string; startedOn: string },
    tab: string,
    fromSeq: number,
    toSeq: number,
  ): AsyncIterable<BatchRow>;
  /** Newest checkout at or before page time `at` (default: newest of all), or null. */
  findCheckout(session: { sessionId: string; startedOn: string }, tab: string, at?: number): Promise<number | null>;
  /** A session that is not live here, with its tabs; null where there is none. */
  findSession(sessionId: string): Promise<{ session: SessionSummary; tabs: TabSummary[]; startedOn: string } | null>;
}

/** Answers `get_session_events`; implemented by `server/replay`. */
export interface SessionEvents {
  /** Events in the order of their arrival, from index `fromIndex`; `limit` is cut to what the implementation allows. */
  readEvents(
    session: { sessionId: string; startedOn: string },
    fromIndex: number,
    limit: number | undefined,
  ): Promise<{ events: RrwebEvent[]; nextIndex: number }>;
}

/** What the live edge asks of a tab's tracker; implemented by `server/ingest`. */
export interface TrackerRequests {
  requestCheckout(sessionId: string, tab: string): void;
  watchersChanged(sessionId: string, count: number): void;
}

/** What `server/net` tells the live edge about a viewer's connection. */
export interface ViewerConnection {
  /** Takes one decoded message. Never throws: faults are answered with `error`. */
  receive(envelope: Envelope): void;
  /** The viewer has read what was queued; more can be sent. */
  drained(): void;
  /** A published frame was skipped for this viewer, because it was too far behind. */
  dropped(): void;
  closed(): void;
}

/** What ingest tells the live edge. All of it is synchronous and cheap: it runs before the store. */
export interface Live {
  connect(port: ViewerPort): ViewerConnection;
  start(): void;
  /** A tab opened (or came back) in a session; makes the session live. */
  openTab(session: SessionSummary, tabs: readonly TabSummary[], startedOn: string, tab: string): void;
  /** Everything of `tab` up to `upto` is durable: the tail may let go of it, the database has it. */
  committed(sessionId: string, tab: string, upto: number): void;
  /** Forwards a batch to the session's viewers and keeps it in the tail. */
  publish(batch: BatchRow): void;
  /** Facts of a session changed (user, address, title, tabs, status, counts). */
  update(session: SessionSummary, tabs: readonly TabSummary[]): void;
  gap(sessionId: string, tab: string, fromSeq: number, toSeq: number): void;
  /** The session is over (and all of it durable), or erased. Feeds get what they miss, then `session_ended`. */
  end(session: Pick<SessionSummary, "sessionId" | "endedAt">, reason: "ended" | "idle" | "erased"): void;
  /** Sessions with a connected tab, of the projects given (all when absent), newest first. */
  activeSessions(projectIds?: ReadonlySet<number>): SessionSummary[];
  watcherCount(sessionId: string): number;
  status(): { viewers: number; feeds: number; sessions: number; tailBytes: number; resyncs: number };
  /** Ends every feed; used by drain and when rights are withdrawn. */
  stop(): void;
}

/** What `createLive` is given. The functions of `publisher` and `requests` are called only after `start`. */
export interface LiveDeps {
  publisher: Publisher;
  history: History;
  events: SessionEvents;
  requests: TrackerRequests;
  clock: Clock;
  log: Logger;
  /** Most bytes of payloads kept in all tails together, besides what the database does not have yet (`MAX_TAIL_MB`). */
  maxTailBytes: number;
}
