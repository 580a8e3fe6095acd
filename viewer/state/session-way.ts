/** The way by which a session page gets its session: of those who are signed in, or of guests. */

import type { SessionDetail } from "../net/api-sessions.ts";
import { createBatchSource } from "../net/batches-reader.ts";
import type { FeedHandlers } from "../net/feed-socket.ts";
import type { BatchSource } from "../player/history.ts";
import { readSessionSoon } from "../net/session-preload.ts";
import { app } from "./app.svelte.ts";

/** Where a session comes from. */
export interface SessionWay {
  source: BatchSource;
  read(signal: AbortSignal): Promise<SessionDetail>;
  /** Follows the session live; the returned function ends it. */
  join(handler: FeedHandlers): () => void;
  /** Live is wanted soon. */
  warmUp(): void;
  /** True while the server can be heard. */
  isOpen(): boolean;
  /** True for a failure that somebody else has shown: signed out, or a link that is no longer good. */
  handled(error: unknown): boolean;
  /** The right to it was taken away. */
  withdrawn(): void;
  /** The address of a moment, by its query. */
  address(query: string): string;
  /** Path of the page in which the recording is shown. */
  stagePath: string;
}

/** The way of those who are signed in. */
export function ownWay(sessionId: string): SessionWay {
  return {
    source: createBatchSource(sessionId),
    read: (signal) => readSessionSoon(sessionId, signal),
    join: (handler) => app.socket.join(sessionId, handler),
    warmUp: () => app.socket.warmUp(),
    isOpen: () => app.connection === "open",
    handled: (error) => app.handledSignOut(error),
    withdrawn: () => void app.refresh(),
    address: (query) => `${window.location.origin}/sessions/${encodeURIComponent(sessionId)}${query}`,
    stagePath: "/player",
  };
}
