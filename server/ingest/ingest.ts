/** The door of ingest: batches in, in order, each once; forwarded to the live edge, stored, and only then acknowledged. */

import type { FromHelpedPage, ToHelpedPage } from "../../protocol/assist.ts";
import { CHECKOUT_REQUEST_INTERVAL_MS, type TrackerLimits } from "../../protocol/limits.ts";
import type { CloseName } from "../../protocol/close-codes.ts";
import type { Envelope } from "../../protocol/codec.ts";
import type { ToTrackerMessage } from "../../protocol/tracker-messages.ts";
import type { Clock } from "../clock.ts";
import type { Live, TrackerRequests } from "../live/live.ts";
import type { Logger } from "../log.ts";
import type { Project, ProjectSettings } from "../projects/projects.ts";
import type { Store, StoreEvents } from "../store/store.ts";
import { Acks } from "./acks.ts";
import { Intake } from "./intake.ts";
import { Keeper } from "./keeper.ts";
import { Opening } from "./opening.ts";
import type { Redaction } from "./redaction.ts";
import { createRoom, rememberErased } from "./room.ts";
import { findTab, isTaking, type OpenTab } from "./sessions.ts";
import { TrackerLink, type LinkWorkers } from "./tracker-link.ts";

/** Where a visitor is, as a trusted proxy says; texts may be empty. */
export interface Place {
  /** Two capital letters. */
  readonly country: string;
  readonly region: string;
}

/** One tracker's way to us, a WebSocket or one HTTP request, as `server/net` gives it to this room. */
export interface TrackerPort {
  readonly id: number;
  readonly project: Project;
  /** Null or absent where nothing is known. */
  readonly place?: Place | null;
  /** Sends in the form of the tracker's first message. */
  send(message: ToTrackerMessage): void;
  close(code: CloseName, reason: string): void;
  /** True for one HTTP request. */
  readonly isBrief?: boolean;
}

/** What `server/net` tells ingest about that way. */
export interface TrackerConnection {
  /** Takes one decoded frame, whose bytes are the receiver's to keep. Never throws: faults are answered with `error`. */
  receive(envelope: Envelope): void;
  /** Resolves when all that was received so far is durable, refused or given up; the HTTP way answers then. */
  settled(): Promise<void>;
  closed(): void;
}

/** Who helps visitors in their pages; implemented by `server/assist`. Pages that come by HTTP requests alone are none that can be helped. */
export interface HelpDesk {
  /** A page opened, or came back. */
  pageOpened(sessionId: string, tab: string): void;
  /** A page lost its connection, and may come back. */
  pageLost(sessionId: string, tab: string): void;
  /** A page went away. */
  pageLeft(sessionId: string, tab: string): void;
  pageSaid(sessionId: string, tab: string, message: FromHelpedPage): void;
  /** The session is over, or was erased. */
  sessionOver(sessionId: string): void;
}

/** A session that this process owns, for those who help its visitor. */
export interface HelpedSession {
  readonly sessionId: string;
  readonly projectId: number;
  readonly userId: string | null;
  /** What its project is set to; null while no page of it is connected. */
  readonly settings: ProjectSettings | null;
  /** The pages that are connected, the newest last. */
  readonly tabs: readonly string[];
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
  /** These sessions are being erased: takes nothing more for them, and tells their trackers and viewers. */
  erase(sessionIds: readonly string[]): void;
  /** Open sessions of a person, by the user id that pages gave. */
  openSessionsOf(projectId: number, userId: string): string[];
  /** The open session with this id; null where there is none here. */
  helpedSession(sessionId: string): HelpedSession | null;
  /** Says something to a page that is connected; false where it is not. */
  tellPage(sessionId: string, tab: string, message: ToHelpedPage): boolean;
  start(): void;
  /** Takes nothing new; resolves when what was taken has been handed to the store. */
  drain(): Promise<void>;
}

/** What `createIngest` is given. */
export interface IngestDeps {
  live: Pick<Live, "openTab" | "publish" | "committed" | "update" | "gap" | "end">;
  store: Pick<Store, "openSession" | "ownerOf" | "append" | "saveProgress" | "endSessions" | "endAbandoned">;
  clock: Clock;
  log: Logger;
  /** `SESSION_SECRET_KEY`, or the one kept in the database: signs resume tokens. */
  secret: string;
  /** Told to every tracker; `sessionIdleMs` and `maxEventsPerSession` are kept by this room. */
  limits: TrackerLimits;
  /** Takes secrets out of what is read, before it is forwarded and stored. Without it everything stays as it came. */
  redaction?: Redaction;
  helpDesk?: HelpDesk;
  /** Time between looks for idle sessions (`SESSION_CLEANUP_INTERVAL`). */
  cleanupIntervalMs: number;
  /** Time to wait where the disk has no room for payloads; null (or absent) where it has. */
  waitMs?: () => number | null;
}

/** Holes are looked at this often; everything else each second. */
const TICK_MS = 250;

/** Builds the room. `live` and `store` may be called from `start` on. */
export function createIngest(deps: IngestDeps): Ingest {
  const room = createRoom(deps);
  const links = new Set<TrackerLink>();
  let starts = 0;
  let ticks = 0;
  let stopTicking = () => {};

  const askForCheckout = (tab: OpenTab) => {
    const now = deps.clock.now();
    if (now - tab.checkoutAskedAt < CHECKOUT_REQUEST_INTERVAL_MS) return;
    tab.isCheckoutWanted = tab.holder === null;
    if (tab.holder === null) return;
    tab.checkoutAskedAt = now;
    tab.holder.send({ type: "checkout_request", data: { tab: tab.summary.tab } });
  };

  const acks = new Acks(room);
  const intake = new Intake(room, acks, askForCheckout);
  const keeper = new Keeper(room);
  const workers: LinkWorkers = {
    room,
    intake,
    keeper,
    opening: new Opening(room),
    onOpened: (tab) => {
      // A tracker that came back may have missed the acknowledgement, and may have nothing left to send that would bring it.
      if (tab.committed >= 0) acks.repeat(tab);
      if (tab.isCheckoutWanted) askForCheckout(tab);
      if (isConnected(tab)) deps.helpDesk?.pageOpened(tab.session.summary.sessionId, tab.summary.tab);
    },
    onClosed: (link) => {
      links.delete(link);
    },
    nextStart: () => ++starts,
  };

  return {
    connect(port) {
      const link = new TrackerLink(port, workers);
      links.add(link);
      return link;
    },
    status: () => {
      let tabs = 0;
      for (const session of room.sessions.values()) tabs += session.tabs.length;
      return { connections: links.size, sessions: room.sessions.size, tabs, heldBytes: room.waitingBytes, ...room.counts };
    },
    erase(sessionIds) {
      for (const sessionId of sessionIds) {
        rememberErased(room, sessionId);
        const session = room.sessions.get(sessionId);
        if (session) keeper.forget(session);
        else deps.live.end({ sessionId, endedAt: null }, "erased");
      }
    },
    openSessionsOf(projectId, userId) {
      const found: string[] = [];
      for (const { summary, formerUserIds } of room.sessions.values()) {
        if (summary.projectId !== projectId) continue;
        if (summary.userId === userId || formerUserIds.includes(userId)) found.push(summary.sessionId);
      }
      return found;
    },
    onDurable(batches) {
      acks.onDurable(batches);
      if (keeper.isEndDue) void keeper.finishEnds();
    },
    onRefused(batch) {
      acks.onRefused(batch);
      if (keeper.isEndDue) void keeper.finishEnds();
    },
    onStateChange(state) {
      deps.log.info("the state of the store changed", { state });
    },
    requestCheckout(sessionId, tabName) {
      const session = room.sessions.get(sessionId);
      const tab = session && findTab(session, tabName);
      if (tab) askForCheckout(tab);
    },
    watchersChanged(sessionId, count) {
      const session = room.sessions.get(sessionId);
      if (!session) return;
      session.summary.watchers = count;
      for (const tab of session.tabs) tab.holder?.send({ type: "watchers", data: { count } });
    },
    helpedSession(sessionId) {
      const session = room.sessions.get(sessionId);
      if (!session || !isTaking(session)) return null;
      const connected = session.tabs.filter(isConnected);
      const { projectId, userId } = session.summary;
      const settings = connected.at(-1)?.holder?.project.settings ?? null;
      return { sessionId, projectId, userId, settings, tabs: connected.map(({ summary }) => summary.tab) };
    },
    tellPage(sessionId, tabName, message) {
      const session = room.sessions.get(sessionId);
      const tab = session && findTab(session, tabName);
      if (!tab || !isConnected(tab)) return false;
      tab.holder?.send(message);
      return true;
    },
    start() {
      stopTicking = deps.clock.every(TICK_MS, () => {
        const now = deps.clock.now();
        intake.giveUpHoles(now);
        if (++ticks % (1_000 / TICK_MS) === 0) keeper.tick(now);
      });
    },
    async drain() {
      room.isDraining = true;
      stopTicking();
      await Promise.all([keeper.saveAll(), keeper.finishEnds()]);
    },
  };
}

/** True while something can be said to the tab's page at any time. */
function isConnected({ holder, summary }: OpenTab): boolean {
  return holder !== null && !holder.isBrief && summary.endedAt === null;
}
