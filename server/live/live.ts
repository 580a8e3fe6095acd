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
import type { ToViewerMessage } from "../../protocol/viewer-messages.ts";
import type { AuditActor, ViewTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { BatchRow } from "../store/store.ts";
import { Feed, type FeedDeps } from "./feed.ts";
import { LiveList } from "./live-list.ts";
import { LiveSession } from "./live-session.ts";
import type { TailBudget } from "./tail.ts";
import { encodeForAll } from "./viewer-frames.ts";
import { ViewerLink, type ViewerWorkers } from "./viewer-link.ts";

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
  /** Who it is, for the audit, and where he is. */
  actor(): AuditActor;
  readonly peer: string;
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
  /**
   * What the viewer may see has changed: feeds and lists of projects that he may not see any more end, each with the `not_found` that an
   * unknown id gets, and the id that it is about.
   */
  rightsChanged(): void;
  /** The projects of which it has feeds or lists. */
  followedProjects(): ReadonlySet<number>;
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
  /** Where it is written down who watches. */
  views: ViewTrail;
  clock: Clock;
  log: Logger;
  /** Most bytes of payloads kept in all tails together, besides what the database does not have yet (`MAX_TAIL_MB`). */
  maxTailBytes: number;
}

const TICK_MS = 1_000;
/** Counts alone are told at every n-th tick. */
const COUNTS_EVERY = 5;

/** Builds the room. */
export function createLive(deps: LiveDeps): Live {
  const budget: TailBudget = { bytes: 0 };
  const sessions = new Map<string, LiveSession>();
  const links = new Set<ViewerLink>();
  const feeds = new Set<Feed>();
  let resyncs = 0;
  let ticks = 0;
  /** Tails are looked through again when they have grown to this. */
  let shrinkAtBytes = deps.maxTailBytes;
  let stopTicking = () => {};

  const listLive = (isWanted: (projectId: number) => boolean): SessionSummary[] => {
    const live: SessionSummary[] = [];
    for (const { summary } of sessions.values()) if (summary.live && isWanted(summary.projectId)) live.push(summary);
    return live.sort((a, b) => b.startedAt - a.startedAt || (a.sessionId < b.sessionId ? 1 : -1));
  };
  const list = new LiveList((projectId) => listLive((other) => other === projectId));

  const watchersChanged = (session: LiveSession) => {
    const count = session.feedCount;
    session.summary.watchers = count;
    if (session.end !== null) return;
    session.isUpdateDue = true;
    list.factsChanged(session);
    deps.requests.watchersChanged(session.sessionId, count);
  };

  const feedDeps: FeedDeps = {
    history: deps.history,
    requests: deps.requests,
    clock: deps.clock,
    log: deps.log,
    onResync: () => {
      resyncs++;
    },
    onClosed: (feed) => {
      const { session } = feed;
      feeds.delete(feed);
      session.removeFeed(feed);
      watchersChanged(session);
      if (session.feedCount > 0) return;
      if (session.end !== null) session.clear();
      else if (!session.isOwned) sessions.delete(session.sessionId);
    },
  };

  /** The oldest sessions let go first of what the database has; those that are watched last. */
  const shrinkTails = () => {
    const enough = deps.maxTailBytes * 0.75;
    for (const isWatched of [false, true]) {
      for (const session of sessions.values()) {
        if (budget.bytes <= enough) break;
        if (session.feedCount > 0 === isWatched) session.shrink();
      }
    }
    // What is left may all wait for the database; then another look pays only after some growth.
    shrinkAtBytes = Math.max(deps.maxTailBytes, budget.bytes + deps.maxTailBytes / 8);
  };

  const findSession = async (sessionId: string): Promise<LiveSession | null> => {
    const live = sessions.get(sessionId);
    if (live) return live;
    const found = await deps.history.findSession(sessionId);
    // Its tracker may have come back meanwhile.
    const meanwhile = sessions.get(sessionId);
    if (meanwhile || !found) return meanwhile ?? null;
    const session = new LiveSession(found.session, found.tabs, found.startedOn, budget, deps.publisher);
    if (found.session.status === "ended") {
      session.end = { endedAt: found.session.endedAt ?? found.session.lastAt, reason: "ended" };
    }
    return session;
  };

  const workers: ViewerWorkers = {
    list,
    events: deps.events,
    views: deps.views,
    log: deps.log,
    findSession,
    openFeed: (found, port, start) => {
      const session = sessions.get(found.sessionId) ?? found;
      // One that is only looked at is kept as long as it has feeds.
      if (session.end === null) sessions.set(session.sessionId, session);
      const feed = new Feed(session, port, start, feedDeps);
      feeds.add(feed);
      session.addFeed(feed);
      watchersChanged(session);
      return feed;
    },
    onClosed: (link) => {
      links.delete(link);
    },
  };

  const tick = () => {
    const isCountTick = ++ticks % COUNTS_EVERY === 0;
    for (const feed of feeds) {
      feed.drained();
      feed.checkBacklog();
      const { session } = feed;
      if (!session.isUpdateDue && !(session.isCountDue && isCountTick)) continue;
      session.isUpdateDue = false;
      session.isCountDue = false;
      const { summary, tabs } = session;
      const message: ToViewerMessage = { type: "session_updated", data: { session: summary, tabs: [...tabs] } };
      const frames = encodeForAll(message);
      session.eachFeed((each) => {
        each.tellFrame(frames);
      });
    }
    list.flush();
    shrinkAtBytes = Math.min(shrinkAtBytes, Math.max(deps.maxTailBytes, budget.bytes + deps.maxTailBytes / 8));
  };

  return {
    connect(port) {
      const link = new ViewerLink(port, workers);
      links.add(link);
      return link;
    },
    start() {
      stopTicking = deps.clock.every(TICK_MS, tick);
    },
    openTab(summary, tabs, startedOn, tab) {
      let session = sessions.get(summary.sessionId);
      if (!session) {
        session = new LiveSession(summary, tabs, startedOn, budget, deps.publisher);
        sessions.set(summary.sessionId, session);
      }
      session.isOwned = true;
      session.setFacts(summary, tabs);
      summary.watchers = session.feedCount;
      const upto = tabs.find((other) => other.tab === tab)?.upto ?? -1;
      // A dead process's last transaction may have committed after a viewer looked.
      const tail = session.tailOf(tab, upto);
      const known = tail.newest;
      tail.skipTo(upto);
      if (upto > known) session.eachFeed((feed) => feed.missed(tab, known + 1));
      session.wakeFeeds();
      list.factsChanged(session);
    },
    publish(row) {
      const session = sessions.get(row.sessionId);
      if (!session) return;
      session.publish(row);
      if (list.isWatched) list.countsChanged(session);
      if (budget.bytes > shrinkAtBytes) shrinkTails();
    },
    committed(sessionId, tab, upto) {
      sessions.get(sessionId)?.tailOf(tab).committed(upto);
    },
    update(summary, tabs) {
      const session = sessions.get(summary.sessionId);
      if (!session) return;
      session.setFacts(summary, tabs);
      list.factsChanged(session);
    },
    gap(sessionId, tab, _fromSeq, toSeq) {
      sessions.get(sessionId)?.gap(tab, toSeq);
    },
    end(ended, reason) {
      const session = sessions.get(ended.sessionId);
      if (!session) return;
      sessions.delete(ended.sessionId);
      const { summary } = session;
      summary.status = "ended";
      summary.live = false;
      summary.endedAt = ended.endedAt ?? Math.max(summary.startedAt, summary.lastAt);
      const end = { endedAt: summary.endedAt, reason };
      session.end = end;
      list.factsChanged(session);
      session.eachFeed((feed) => {
        if (reason === "erased") {
          feed.tell({ type: "session_ended", data: { sessionId: session.sessionId, ...end } });
          feed.close(false);
        } else {
          feed.finish();
        }
      });
      if (session.feedCount === 0) session.clear();
    },
    activeSessions: (projectIds) => listLive((projectId) => !projectIds || projectIds.has(projectId)),
    watcherCount: (sessionId) => sessions.get(sessionId)?.feedCount ?? 0,
    status: () => ({ viewers: links.size, feeds: feeds.size, sessions: sessions.size, tailBytes: budget.bytes, resyncs }),
    stop() {
      stopTicking();
      for (const link of links) link.stopFeeds(false);
    },
  };
}
