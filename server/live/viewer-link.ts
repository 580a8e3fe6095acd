/** One viewer's way to us: what it asks for, and the feeds it has. */

import { MalformedMessage, parseMessage, type Envelope } from "../../protocol/codec.ts";
import { fromViewer, type FromViewerMessage, type ToViewerMessage } from "../../protocol/viewer-messages.ts";
import { AppError, toAppError } from "../app-error.ts";
import type { ViewKind, ViewTrail } from "../audit-trail.ts";
import type { Logger } from "../log.ts";
import type { StartOptions } from "./feed-start.ts";
import type { Feed } from "./feed.ts";
import type { LiveList } from "./live-list.ts";
import type { LiveSession } from "./live-session.ts";
import type { SessionEvents, ViewerConnection, ViewerPort } from "./live.ts";
import { encodeMessage } from "./viewer-frames.ts";

/** Most sessions, and lists, that one connection follows. */
const MAX_FOLLOWED = 64;
/** The same words for what is not there and for what is not his. */
const NOT_HERE = "there is nothing here under this id";

/** What a link needs of the room. */
export interface ViewerWorkers {
  readonly list: LiveList;
  readonly events: SessionEvents;
  readonly views: ViewTrail;
  readonly log: Logger;
  /** The session, live or from the database; null where there is none. */
  findSession(sessionId: string): Promise<LiveSession | null>;
  openFeed(session: LiveSession, port: ViewerPort, start: StartOptions): Feed;
  onClosed(link: ViewerLink): void;
}

export class ViewerLink implements ViewerConnection {
  private readonly port: ViewerPort;
  private readonly workers: ViewerWorkers;
  private readonly feeds = new Map<string, Feed>();
  private readonly projects = new Set<number>();
  /** Joins that are under way, by session: a later join or leave makes an earlier one void. */
  private readonly joining = new Map<string, object>();
  private isClosed = false;

  constructor(port: ViewerPort, workers: ViewerWorkers) {
    this.port = port;
    this.workers = workers;
  }

  receive(envelope: Envelope): void {
    if (this.isClosed) return;
    try {
      this.handle(parseMessage<typeof fromViewer, FromViewerMessage["type"]>(fromViewer, envelope));
    } catch (error) {
      this.refuse(error);
    }
  }

  drained(): void {
    for (const feed of this.feeds.values()) feed.drained();
  }

  dropped(): void {
    for (const feed of this.feeds.values()) feed.skipped();
  }

  closed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.joining.clear();
    this.stopFeeds(true);
    for (const projectId of this.projects) this.workers.list.unwatch(this.port, projectId);
    this.workers.onClosed(this);
  }

  rightsChanged(): void {
    for (const [sessionId, feed] of this.feeds) {
      if (this.port.maySee(feed.session.summary.projectId)) continue;
      const wasOpen = feed.phase !== "closed";
      this.leave(sessionId);
      if (wasOpen) this.send({ type: "error", data: { code: "not_found", message: NOT_HERE, sessionId } });
    }
    for (const projectId of this.projects) {
      if (this.port.maySee(projectId)) continue;
      this.unwatch(projectId);
      this.send({ type: "error", data: { code: "not_found", message: NOT_HERE, projectId } });
    }
  }

  followedProjects(): ReadonlySet<number> {
    const followed = new Set(this.projects);
    for (const feed of this.feeds.values()) if (feed.phase !== "closed") followed.add(feed.session.summary.projectId);
    return followed;
  }

  /** Ends every feed. */
  stopFeeds(isPortGone: boolean): void {
    for (const feed of this.feeds.values()) feed.close(isPortGone);
    this.feeds.clear();
  }

  private handle(message: FromViewerMessage): void {
    switch (message.type) {
      case "viewer_join_session": {
        const { sessionId, ...start } = message.data;
        this.answer(this.join(sessionId, start));
        return;
      }
      case "viewer_leave_session":
        this.leave(message.data.sessionId);
        return;
      case "get_session_events":
        this.answer(this.sendEvents(message.data));
        return;
      case "watch_live_sessions":
        this.watch(message.data.projectId);
        return;
      case "unwatch_live_sessions":
        this.unwatch(message.data.projectId);
        return;
      case "assist_join":
      case "assist_leave":
      case "assist_do":
        return; // of agents, who have a way of their own
      default:
        message satisfies never;
    }
  }

  private async join(sessionId: string, start: StartOptions): Promise<void> {
    for (const [ended, feed] of this.feeds) if (feed.phase === "closed") this.feeds.delete(ended);
    if (this.feeds.size + this.joining.size >= MAX_FOLLOWED && !this.feeds.has(sessionId)) {
      throw new AppError("limit", `a connection follows at most ${MAX_FOLLOWED} sessions`);
    }
    const ticket = {};
    this.joining.set(sessionId, ticket);
    // A later join or leave makes this one void.
    const isCurrent = () => this.joining.get(sessionId) === ticket;
    let session: LiveSession;
    try {
      session = await this.findToShow(sessionId, "feed");
    } catch (error) {
      if (!isCurrent()) return;
      this.joining.delete(sessionId);
      throw error;
    }
    if (!isCurrent()) return;
    this.joining.delete(sessionId);
    this.feeds.get(sessionId)?.close(false);
    const feed = this.workers.openFeed(session, this.port, start);
    ({ session } = feed);
    this.feeds.set(sessionId, feed);
    const phase = session.end === null ? feed.phase : "closed";
    this.send({ type: "session_joined", data: { session: session.summary, tabs: [...session.tabs], phase } });
    feed.begin();
  }

  private leave(sessionId: string): void {
    this.joining.delete(sessionId);
    this.feeds.get(sessionId)?.close(false);
    this.feeds.delete(sessionId);
  }

  private async sendEvents(request: { sessionId: string; fromIndex: number; limit?: number | undefined }): Promise<void> {
    const { sessionId, fromIndex, limit } = request;
    const session = await this.findToShow(sessionId, "events");
    const { events, nextIndex } = await this.workers.events.readEvents(session.key, fromIndex, limit);
    // Reading takes its time, in which the right may have been withdrawn.
    if (!this.port.maySee(session.summary.projectId)) throw notFound();
    this.send({ type: "session_events", data: { sessionId, fromIndex, nextIndex, events } });
  }

  private watch(projectId: number): void {
    if (!this.port.maySee(projectId)) throw notFound();
    if (this.projects.size >= MAX_FOLLOWED) throw new AppError("limit", `a connection follows at most ${MAX_FOLLOWED} projects`);
    this.projects.add(projectId);
    this.workers.list.watch(this.port, projectId);
  }

  private unwatch(projectId: number): void {
    this.projects.delete(projectId);
    this.workers.list.unwatch(this.port, projectId);
  }

  /** @throws AppError `not_found` for an unknown session and for somebody else's */
  private async find(sessionId: string): Promise<LiveSession> {
    const session = await this.workers.findSession(sessionId);
    if (!session || !this.port.maySee(session.summary.projectId)) throw notFound();
    return session;
  }

  /** The same, once it is written down that he sees it. What happened meanwhile counts: the session's end, and a right that was withdrawn. */
  private async findToShow(sessionId: string, by: "feed" | "events"): Promise<LiveSession> {
    const { summary, end } = await this.find(sessionId);
    const kind: ViewKind = by === "feed" && end === null ? "live" : "replay";
    await this.workers.views.viewed({ kind, by, actor: this.port.actor(), peer: this.port.peer, session: summary });
    return this.find(sessionId);
  }

  private answer(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.refuse(error);
    });
  }

  private send(message: ToViewerMessage): void {
    if (!this.isClosed) this.port.send(encodeMessage(this.port.form, message));
  }

  private refuse(thrown: unknown): void {
    const error = thrown instanceof MalformedMessage ? new AppError("protocol", thrown.message) : toAppError(thrown);
    if (error.kind === "bug") this.workers.log.error("a viewer's message could not be handled", { error: error.cause });
    const { message, retryAfterMs } = error;
    const { code } = error.meaning;
    this.send({ type: "error", data: retryAfterMs === undefined ? { code, message } : { code, message, retryAfterMs } });
  }
}

function notFound(): AppError {
  return new AppError("not_found", NOT_HERE);
}
