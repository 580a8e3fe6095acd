/** The way of guests to their session: by the secret of a link, or an embed token that is given anew before it ends. */

import type { ToViewerMessage } from "../../protocol/viewer-messages.ts";
import { createGuestSource, readGuestLive, readGuestSession, type Sight } from "../net/api-guest.ts";
import { ApiError } from "../net/api.ts";
import type { SessionDetail } from "../net/api-sessions.ts";
import type { FeedHandlers } from "../net/feed-socket.ts";
import { guestAddress } from "./guest-address.ts";
import type { SessionWay } from "./session-way.ts";

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 15_000;
/** Silence after which a live view counts as broken: the server says something each second and a half. */
const SILENCE_MS = 10_000;

export class GuestWay implements SessionWay {
  /** What the link shows; null until it was read. */
  sight = $state.raw<Sight | null>(null);
  /** True once the link is no longer good. */
  isOver = $state(false);
  isConnected = $state(false);
  readonly stagePath: string;
  readonly source = createGuestSource(() => this.secret);
  private secret: string;
  private readonly project: number | null;
  private liveSessionId = "";

  /** @param project whose page this is; an embed token of another project is not shown in it */
  constructor(secret: string, project: number | null = null) {
    this.secret = secret;
    this.project = project;
    this.stagePath = project === null ? "/player" : `/embed/${project}/player`;
  }

  /** Goes on with another token for the same session. */
  renew(secret: string): void {
    this.secret = secret;
    this.isOver = false;
  }

  async read(signal: AbortSignal): Promise<SessionDetail> {
    const { sight, ...detail } = await readGuestSession(this.secret, signal);
    if (this.project !== null && sight.projectId !== this.project) {
      this.isOver = true;
      throw new ApiError(401, "unauthorized", "This token is of another project.");
    }
    this.sight = sight;
    this.liveSessionId = detail.session.sessionId;
    return detail;
  }

  join(handlers: FeedHandlers): () => void {
    const abort = new AbortController();
    void this.follow(handlers, abort.signal);
    return () => abort.abort();
  }

  warmUp(): void {
    // A request needs no warming.
  }

  isOpen(): boolean {
    return this.isConnected;
  }

  handled(error: unknown): boolean {
    const isRefused = error instanceof ApiError && error.status === 401;
    if (isRefused) this.isOver = true;
    return isRefused;
  }

  withdrawn(): void {
    this.isOver = true;
  }

  /** A guest gives on what he was given, and the moment. */
  address(query: string): string {
    return guestAddress(window.location, query, this.secret);
  }

  /** Connects, and again after a break, until the session or the link is over. */
  private async follow(handlers: FeedHandlers, signal: AbortSignal): Promise<void> {
    let waitMs = FIRST_RETRY_MS;
    while (!signal.aborted && !this.isOver) {
      const connection = new AbortController();
      const stop = (): void => connection.abort();
      signal.addEventListener("abort", stop, { once: true });
      let watch = setTimeout(stop, SILENCE_MS);
      try {
        for await (const message of readGuestLive(this.secret, connection.signal)) {
          clearTimeout(watch);
          watch = setTimeout(stop, SILENCE_MS);
          waitMs = FIRST_RETRY_MS;
          this.isConnected = true;
          if (this.dispatch(message, handlers)) return;
        }
      } catch (error) {
        // A range is not shown live, and a link that is over is over.
        if (this.handled(error) || (error instanceof ApiError && error.status === 403)) return;
      } finally {
        clearTimeout(watch);
        signal.removeEventListener("abort", stop);
        this.isConnected = false;
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      waitMs = Math.min(waitMs * 2, MAX_RETRY_MS);
    }
  }

  /** True where nothing follows. */
  private dispatch(message: ToViewerMessage, handlers: FeedHandlers): boolean {
    switch (message.type) {
      case "session_joined":
        handlers.onJoined(message.data.session, message.data.tabs, message.data.phase);
        return false;
      case "session_updated":
        handlers.onUpdated(message.data.session, message.data.tabs);
        return false;
      case "session_phase":
        handlers.onPhase(message.data.phase);
        return false;
      case "events_batch":
        if ("payload" in message.data) handlers.onBatch(message.data);
        return false;
      case "gap":
        handlers.onGap(message.data.tab, message.data.fromSeq, message.data.toSeq);
        return false;
      case "session_ended":
        if (message.data.sessionId === this.liveSessionId) handlers.onEnded(message.data.endedAt, message.data.reason);
        return true;
      case "error":
        if (message.data.code === "unauthorized") handlers.onError({ code: "forbidden", message: message.data.message });
        else handlers.onError(message.data);
        return message.data.code === "unauthorized" || message.data.code === "not_found";
      default:
        return false;
    }
  }
}
