/**
 * The viewer's WebSocket: one for the whole app, opened when something is followed and closed when nothing is.
 *
 * Connection: `idle` -> `connecting` -> `open` -> `waiting` (for the next try, by `protocol/reconnect.ts`) -> `connecting` …; `refused`
 * is final until something new is followed. After a reconnect every feed goes on from its cursor, so that nothing is missing or repeated.
 */

import type { FromAgent, ToAgent } from "../../protocol/assist.ts";
import type { ViewerBatch } from "../../protocol/batch.ts";
import { CLOSE } from "../../protocol/close-codes.ts";
import { decodeBinary, encodeBinary, MalformedMessage, parseMessage } from "../../protocol/codec.ts";
import { reconnectDelayMs } from "../../protocol/reconnect.ts";
import type { SessionSummary, TabSummary } from "../../protocol/session.ts";
import type { WireError } from "../../protocol/tracker-messages.ts";
import { toViewer, type FeedPhase, type FromViewerMessage, type ToViewerMessage } from "../../protocol/viewer-messages.ts";

export type Connection = "idle" | "connecting" | "open" | "waiting" | "refused";

/** What a followed session tells. */
export interface FeedHandlers {
  onJoined(session: SessionSummary, tabs: readonly TabSummary[], phase: FeedPhase): void;
  onPhase(phase: FeedPhase): void;
  onUpdated(session: SessionSummary, tabs: readonly TabSummary[]): void;
  onBatch(batch: ViewerBatch): void;
  onGap(tab: string, fromSeq: number, toSeq: number): void;
  onEnded(endedAt: number, reason: "ended" | "idle" | "erased"): void;
  /** The feed was refused or cut; it is over. */
  onError(error: WireError): void;
}

/** What a followed list tells: all sessions that are live, or those that changed. */
export interface LiveListHandlers {
  onList(sessions: readonly SessionSummary[]): void;
  onChanged(sessions: readonly SessionSummary[]): void;
  /** The list was cut, because the right to it was withdrawn; it is over. */
  onWithdrawn?(): void;
}

/** What somebody who helps is told. */
export interface AssistHandlers {
  hear(message: ToAgent): void;
  /** There is a connection again. */
  opened(): void;
}

type ViewerError = Extract<ToViewerMessage, { type: "error" }>["data"];

interface Feed {
  handlers: FeedHandlers;
  cursor: Map<string, number>;
  isJoined: boolean;
}

/** A connection that held this long counts as a success for the back-off. */
const HELD_MS = 5_000;
/** An unused connection is kept this long. */
const IDLE_MS = 5_000;
/** Most tabs in a cursor (`protocol/viewer-messages.ts`). */
const MAX_CURSOR_TABS = 256;

export class FeedSocket {
  private readonly url: string;
  private readonly onConnection: (connection: Connection, closeCode: number) => void;
  private readonly feeds = new Map<string, Feed>();
  private readonly lists = new Map<number, LiveListHandlers>();
  /** Who helps a visitor, by session. */
  private readonly assists = new Map<string, AssistHandlers>();
  private socket: WebSocket | null = null;
  private retry: ReturnType<typeof setTimeout> | null = null;
  private idle: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private openedAt = 0;
  private retryAfterMs = 0;

  /**
   * @param url of the viewer's WebSocket
   * @param onConnection told of every change of the connection; `closeCode` is the one of the last close
   */
  constructor(url: string, onConnection: (connection: Connection, closeCode: number) => void) {
    this.url = url;
    this.onConnection = onConnection;
  }

  /** Follows a session until the returned function is called. */
  join(sessionId: string, handlers: FeedHandlers): () => void {
    const feed: Feed = { handlers, cursor: new Map(), isJoined: false };
    this.feeds.set(sessionId, feed);
    this.say({ type: "viewer_join_session", data: { sessionId } });
    return () => {
      if (this.feeds.get(sessionId) !== feed) return;
      this.feeds.delete(sessionId);
      this.tell({ type: "viewer_leave_session", data: { sessionId } });
      this.closeIfUnused();
    };
  }

  /** Follows the live sessions of a project until the returned function is called. */
  watchList(projectId: number, handlers: LiveListHandlers): () => void {
    this.lists.set(projectId, handlers);
    this.say({ type: "watch_live_sessions", data: { projectId } });
    return () => {
      if (this.lists.get(projectId) !== handlers) return;
      this.lists.delete(projectId);
      this.tell({ type: "unwatch_live_sessions", data: { projectId } });
      this.closeIfUnused();
    };
  }

  /** For those who help in a session, until `end` is called; `say` is false where nothing can be said now. */
  assist(sessionId: string, handlers: AssistHandlers): { say: (message: FromAgent) => boolean; end: () => void } {
    this.assists.set(sessionId, handlers);
    return {
      say: (message) => this.tell(message),
      end: () => {
        if (this.assists.get(sessionId) === handlers) this.assists.delete(sessionId);
      },
    };
  }

  /** Opens the connection before it is needed. */
  warmUp(): void {
    if (!this.socket && !this.retry) this.connect();
  }

  /** Tries at once instead of waiting; does nothing while connected. */
  reconnectNow(): void {
    if (this.socket || this.isUnused) return;
    this.attempt = 0;
    this.connect();
  }

  /** Forgets everything that is followed and closes at once. */
  stop(): void {
    this.feeds.clear();
    this.lists.clear();
    clearTimeout(this.idle);
    this.closeNow();
  }

  private get isUnused(): boolean {
    return this.feeds.size === 0 && this.lists.size === 0;
  }

  /** Sends now, or with the next connection, which says all that is followed. */
  private say(message: FromViewerMessage): void {
    if (!this.tell(message) && !this.socket) this.connect();
  }

  private tell(message: FromViewerMessage): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(encodeBinary(message.type, message.data));
    return true;
  }

  private connect(): void {
    if (this.retry) clearTimeout(this.retry);
    this.retry = null;
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.onConnection("connecting", 0);
    socket.addEventListener("open", () => {
      if (this.socket !== socket) return;
      this.openedAt = performance.now();
      this.retryAfterMs = 0;
      this.onConnection("open", 0);
      this.followAll();
      for (const handlers of this.assists.values()) handlers.opened();
    });
    socket.addEventListener("message", (event: MessageEvent<unknown>) => {
      if (this.socket === socket && event.data instanceof ArrayBuffer) this.receive(new Uint8Array(event.data));
    });
    socket.addEventListener("close", (event) => {
      if (this.socket === socket) this.closed(event.code);
    });
  }

  private followAll(): void {
    for (const projectId of this.lists.keys()) this.tell({ type: "watch_live_sessions", data: { projectId } });
    for (const [sessionId, feed] of this.feeds) {
      const cursor = Object.fromEntries([...feed.cursor].slice(-MAX_CURSOR_TABS));
      this.tell({ type: "viewer_join_session", data: feed.cursor.size > 0 ? { sessionId, cursor } : { sessionId } });
    }
  }

  private closed(code: number): void {
    this.socket = null;
    for (const feed of this.feeds.values()) feed.isJoined = false;
    if (this.isUnused) {
      this.onConnection("idle", code);
      return;
    }
    if (performance.now() - this.openedAt > HELD_MS && this.openedAt > 0) this.attempt = 0;
    this.openedAt = 0;
    const delayMs = reconnectDelayMs(this.attempt++, code, Math.random(), this.retryAfterMs);
    if (delayMs === null) {
      this.onConnection("refused", code);
      return;
    }
    this.onConnection("waiting", code);
    this.retry = setTimeout(() => {
      this.retry = null;
      this.connect();
    }, delayMs);
  }

  private closeIfUnused(): void {
    clearTimeout(this.idle);
    // The next page often follows something as well; it need not wait for a new connection.
    this.idle = setTimeout(() => {
      if (this.isUnused) this.closeNow();
    }, IDLE_MS);
  }

  private closeNow(): void {
    if (this.retry) clearTimeout(this.retry);
    this.retry = null;
    const { socket } = this;
    this.socket = null;
    socket?.close(1000);
    this.onConnection("idle", 1000);
  }

  private receive(bytes: Uint8Array): void {
    let message: ToViewerMessage;
    try {
      message = parseMessage(toViewer, decodeBinary(bytes));
    } catch (error) {
      if (error instanceof MalformedMessage) {
        // A server that is newer than this page: the page has to be loaded again.
        this.socket?.close(CLOSE.protocol, error.message.slice(0, 100));
        return;
      }
      throw error;
    }
    this.dispatch(message);
  }

  private dispatch(message: ToViewerMessage): void {
    switch (message.type) {
      case "session_joined":
        this.feed(message.data.session.sessionId, (feed) => {
          feed.isJoined = true;
          feed.handlers.onJoined(message.data.session, message.data.tabs, message.data.phase);
        });
        return;
      case "session_phase":
        this.feed(message.data.sessionId, ({ handlers }) => handlers.onPhase(message.data.phase));
        return;
      case "session_updated":
        this.feed(message.data.session.sessionId, ({ handlers }) => handlers.onUpdated(message.data.session, message.data.tabs));
        return;
      case "events_batch": {
        const batch = message.data;
        if (!("payload" in batch)) return;
        this.feed(batch.sessionId, ({ cursor, handlers }) => {
          cursor.set(batch.tab, Math.max(batch.seq, cursor.get(batch.tab) ?? -1));
          handlers.onBatch(batch);
        });
        return;
      }
      case "gap": {
        const { sessionId, tab, fromSeq, toSeq } = message.data;
        this.feed(sessionId, ({ cursor, handlers }) => {
          cursor.set(tab, Math.max(toSeq, cursor.get(tab) ?? -1));
          handlers.onGap(tab, fromSeq, toSeq);
        });
        return;
      }
      case "session_ended":
        this.feed(message.data.sessionId, ({ handlers }) => handlers.onEnded(message.data.endedAt, message.data.reason));
        return;
      case "live_sessions":
        this.lists.get(message.data.projectId)?.onList(message.data.sessions);
        return;
      case "live_sessions_changed":
        this.lists.get(message.data.projectId)?.onChanged(message.data.changed);
        return;
      case "error":
        this.refused(message.data);
        return;
      case "assist_state":
      case "assist_did":
        this.assists.get(message.data.sessionId)?.hear(message);
        return;
      case "assist_refused":
        for (const handlers of this.assists.values()) handlers.hear(message);
        return;
      case "session_events":
        return;
      default:
        message satisfies never;
    }
  }

  /** An error that names neither session nor project is about the feeds that have not been joined yet, or about the connection. */
  private refused(error: ViewerError): void {
    this.retryAfterMs = error.retryAfterMs ?? 0;
    if (error.code === "overload" || error.code === "limit") return;
    if (error.projectId !== undefined) {
      const list = this.lists.get(error.projectId);
      this.lists.delete(error.projectId);
      list?.onWithdrawn?.();
      return;
    }
    for (const [sessionId, feed] of this.feeds) {
      const isMeant = error.sessionId === undefined ? !feed.isJoined || error.code === "gone" : error.sessionId === sessionId;
      if (!isMeant) continue;
      this.feeds.delete(sessionId);
      feed.handlers.onError(error);
    }
  }

  private feed(sessionId: string, use: (feed: Feed) => void): void {
    const feed = this.feeds.get(sessionId);
    if (feed) use(feed);
  }
}

/** Address of the viewer's WebSocket on the server that served this page. */
export function viewerSocketUrl(): string {
  const { protocol, host } = window.location;
  return `${protocol === "https:" ? "wss:" : "ws:"}//${host}/ws?type=viewer`;
}
