/**
 * One tracker's way to us: what it says, in the order in which it says it.
 *
 * new (nothing was opened yet) -> opening (a `session_start` is being answered; what comes meanwhile waits) -> open (tabs are held)
 * open -> opening (a further `session_start`)     opening -> new, open (the start was refused)     all -> closed
 */

import { MalformedMessage, parseMessage, type Envelope } from "../../protocol/codec.ts";
import type { Marker } from "../../protocol/markers.ts";
import {
  fromTracker,
  type FromTrackerMessage,
  type SessionStart,
  type ToTrackerMessage,
} from "../../protocol/tracker-messages.ts";
import { AppError, toAppError } from "../app-error.ts";
import { type Project, trackerSettingsOf } from "../projects/projects.ts";
import { applyUpdate } from "./facts.ts";
import type { TrackerConnection, TrackerPort } from "./ingest.ts";
import { NO_ROOM, type Intake } from "./intake.ts";
import type { Keeper } from "./keeper.ts";
import { erasedError, type Opening } from "./opening.ts";
import { parsePackedBatch } from "./packed-batch.ts";
import { Redacting } from "./redacting.ts";
import type { Redaction } from "./redaction.ts";
import { MAX_WAITING_BYTES, type IngestRoom } from "./room.ts";
import { holdTab, isTaking, letGoOfTab, type OpenTab, type TabHolder } from "./sessions.ts";

/** Most messages, and bytes of payloads, that wait while a session is opened. */
const MAX_WAITING_COUNT = 4_096;
/** What a waiting message counts for besides its payload. */
const MESSAGE_BYTES = 512;
/** Faults of one connection before it is closed. */
const MAX_FAULTS = 20;
/** `settled` gives up after this long. */
export const SETTLE_MAX_MS = 10_000;
const RETRY_AFTER_MS = 2_000;

type LinkState =
  { kind: "new" } | { kind: "opening"; waiting: Envelope[]; waitingBytes: number } | { kind: "open" } | { kind: "closed" };

/** The workers of this room that a link calls. */
export interface LinkWorkers {
  readonly room: IngestRoom;
  readonly intake: Intake;
  readonly opening: Opening;
  readonly keeper: Keeper;
  /** Tells the tab's tracker to make a checkout if that was asked for while it was away. */
  onOpened(tab: OpenTab): void;
  onClosed(link: TrackerLink): void;
  /** Number for the next `session_start`. */
  nextStart(): number;
}

const NEW: LinkState = { kind: "new" };
const OPEN: LinkState = { kind: "open" };
const CLOSED: LinkState = { kind: "closed" };

export class TrackerLink implements TrackerConnection, TabHolder {
  private readonly port: TrackerPort;
  private readonly workers: LinkWorkers;
  private state: LinkState = NEW;
  /** The tabs opened by this link; the last one is meant where a message names none. */
  private tabs: OpenTab[] = [];
  private faults = 0;
  private hasToldLimit = false;
  private settling: (() => void)[] | null = null;
  /** Made with the first message that it has to look into. */
  private redacting: Redacting | null = null;
  /** The way to us is gone; what came by it is still being redacted. */
  private isLeaving = false;

  constructor(port: TrackerPort, workers: LinkWorkers) {
    this.port = port;
    this.workers = workers;
  }

  get project(): Project {
    return this.port.project;
  }

  get isBrief(): boolean {
    return this.port.isBrief === true;
  }

  receive(envelope: Envelope): void {
    if (this.state.kind === "closed") return;
    const { redaction } = this.workers.room.deps;
    if (redaction && envelope.type === "events_batch") {
      const isLookedInto = isPlain(envelope.data) || redaction.readsPayloads(this.port.project.id);
      if (isLookedInto) this.redacting ??= this.startRedacting(redaction);
    }
    if (this.redacting?.takes(envelope) !== true) this.handle(envelope);
  }

  private handle(envelope: Envelope): void {
    if (this.state.kind === "closed") return;
    try {
      if (this.state.kind === "opening") this.wait(this.state, envelope);
      else if (envelope.type === "events_batch") this.receiveBatch(envelope);
      else this.receiveControl(parseMessage<typeof fromTracker, FromTrackerMessage["type"]>(fromTracker, envelope));
    } catch (error) {
      this.refuse(error);
    }
  }

  settled(): Promise<void> {
    if (this.isSettled()) return Promise.resolve();
    return new Promise((resolve) => {
      this.settling ??= [];
      const done = () => {
        cancel();
        resolve();
      };
      const cancel = this.workers.room.deps.clock.after(SETTLE_MAX_MS, done);
      this.settling.push(done);
    });
  }

  closed(): void {
    if (this.state.kind === "closed") return;
    this.isLeaving = true;
    if (this.redacting && !this.redacting.isIdle) return;
    this.stopWaiting();
    this.state = CLOSED;
    const { tabs } = this;
    this.tabs = [];
    for (const tab of tabs) this.release(tab);
    this.settle();
    this.workers.onClosed(this);
  }

  send(message: ToTrackerMessage): void {
    if (this.state.kind !== "closed" && !this.isLeaving) this.port.send(message);
  }

  progressed(): void {
    if (this.settling && this.isSettled()) this.settle();
  }

  erased(tab: OpenTab): void {
    if (!this.tabs.includes(tab)) return;
    this.tabs = this.tabs.filter((other) => other !== tab);
    this.settle();
    this.refuse(erasedError());
    // The tracker comes back with a fresh session.
    this.port.close("gone", "this session was erased");
  }

  private receiveBatch(envelope: Envelope): void {
    const { intake } = this.workers;
    const packed = isPlain(envelope.data) ? null : parsePackedBatch(envelope.data);
    if (packed) {
      packed.markers = this.redactMarkers(packed.markers);
      intake.accept(this.tabOf(packed.tab), packed);
      return;
    }
    const { data } = parseMessage<typeof fromTracker, "events_batch">(fromTracker, envelope);
    const tab = this.tabOf(data.tab);
    data.markers = this.redactMarkers(data.markers);
    if ("payload" in data) intake.accept(tab, data);
    else intake.acceptPlain(tab, data);
  }

  private receiveControl(message: FromTrackerMessage): void {
    const { intake, keeper, room } = this.workers;
    const { redaction } = room.deps;
    switch (message.type) {
      case "session_start":
        this.open(redaction?.start(this.port.project.id, message.data) ?? message.data);
        return;
      case "session_update": {
        const tab = this.tabOf(undefined);
        applyUpdate(tab, redaction?.update(this.port.project.id, message.data) ?? message.data);
        keeper.factsChanged(tab.session);
        return;
      }
      case "gap":
        intake.declareGap(this.tabOf(message.data.tab), message.data);
        return;
      case "tab_end": {
        const tab = this.tabOf(message.data.tab);
        intake.releaseMeta(tab);
        keeper.endTab(tab);
        room.deps.helpDesk?.pageLeft(tab.session.summary.sessionId, tab.summary.tab);
        return;
      }
      case "session_end":
        this.endSession(message.data.sessionId);
        return;
      case "assist_answer":
      case "assist_do": {
        const { session, summary } = this.tabOf(undefined);
        if (!this.isBrief) room.deps.helpDesk?.pageSaid(session.summary.sessionId, summary.tab, message);
        return;
      }
      case "events_batch":
        return; // went its own way
      default:
        message satisfies never;
    }
  }

  private endSession(sessionId: string | undefined): void {
    const { session } = this.tabOf(undefined);
    if (sessionId !== undefined && sessionId !== session.summary.sessionId) {
      throw new AppError("not_found", "this connection has no such session");
    }
    for (const tab of session.tabs) {
      this.workers.intake.releaseMeta(tab);
      this.workers.intake.dropHeld(tab);
    }
    this.workers.keeper.end(session, "ended");
  }

  private open(start: SessionStart): void {
    const { room, opening } = this.workers;
    if (room.isDraining) throw new AppError("overload", "the server is stopping", { retryAfterMs: RETRY_AFTER_MS });
    const waitMs = room.deps.waitMs?.() ?? null;
    if (waitMs !== null) throw new AppError("overload", NO_ROOM, { retryAfterMs: waitMs });
    this.state = { kind: "opening", waiting: [], waitingBytes: 0 };
    const number = this.workers.nextStart();
    opening.open(this.port.project, start, this.port.place).then(
      ({ tab, resumeToken }) => {
        this.opened(tab, resumeToken, number);
      },
      (error: unknown) => {
        this.notOpened(error);
      },
    );
  }

  private opened(tab: OpenTab, resumeToken: string, number: number): void {
    if (this.state.kind !== "opening") {
      this.workers.keeper.connectionsChanged(tab.session);
      return;
    }
    const { room, keeper } = this.workers;
    if (room.erased.has(tab.session.summary.sessionId)) {
      this.notOpened(erasedError());
      return;
    }
    const { waiting } = this.stopWaiting();
    this.state = OPEN;
    holdTab(tab, this, number);
    const replaced = this.tabs.filter((other) => other.summary.tab === tab.summary.tab);
    this.tabs = this.tabs.filter((other) => !replaced.includes(other)).concat(tab);
    for (const other of replaced) if (other !== tab) this.release(other);
    const { summary, tabSummaries, startedOn } = tab.session;
    keeper.connectionsChanged(tab.session);
    room.deps.live.openTab(summary, tabSummaries, startedOn, tab.summary.tab);
    this.send({
      type: "session_started",
      data: {
        sessionId: summary.sessionId,
        tab: tab.summary.tab,
        upto: tab.order.next - 1,
        resumeToken,
        limits: { ...room.deps.limits, maxEventsPerSession: tab.session.maxEvents },
        watchers: summary.watchers,
        settings: trackerSettingsOf(this.port.project.settings),
      },
    });
    this.workers.onOpened(tab);
    for (const envelope of waiting) this.handle(envelope);
    this.progressed();
  }

  private notOpened(error: unknown): void {
    if (this.state.kind !== "opening") return;
    // What waited is not taken: the tracker has it still, and starts again.
    this.stopWaiting();
    this.state = this.tabs.length > 0 ? OPEN : NEW;
    this.refuse(error);
    this.progressed();
  }

  private wait(state: Extract<LinkState, { kind: "opening" }>, envelope: Envelope): void {
    const bytes = MESSAGE_BYTES + payloadBytesOf(envelope.data);
    if (state.waiting.length >= MAX_WAITING_COUNT || this.workers.room.waitingBytes + bytes > MAX_WAITING_BYTES) {
      throw new AppError("overload", "too much waits for the session to open", { retryAfterMs: RETRY_AFTER_MS });
    }
    state.waiting.push(envelope);
    state.waitingBytes += bytes;
    this.workers.room.waitingBytes += bytes;
  }

  private stopWaiting(): { waiting: readonly Envelope[] } {
    if (this.state.kind !== "opening") return { waiting: [] };
    const { waiting, waitingBytes } = this.state;
    this.workers.room.waitingBytes -= waitingBytes;
    return { waiting };
  }

  /** The tab that a message means. */
  private tabOf(name: string | undefined): OpenTab {
    const tab = name === undefined ? this.tabs.at(-1) : this.tabs.find((open) => open.summary.tab === name);
    if (tab) return tab;
    throw new AppError("not_started", "say session_start first");
  }

  private release(tab: OpenTab): void {
    letGoOfTab(tab, this);
    if (tab.holder !== null) return;
    this.workers.intake.releaseMeta(tab);
    this.workers.intake.dropHeld(tab);
    tab.leftAt = this.workers.room.deps.clock.now();
    this.workers.keeper.connectionsChanged(tab.session);
    if (!this.isBrief) this.workers.room.deps.helpDesk?.pageLost(tab.session.summary.sessionId, tab.summary.tab);
  }

  private refuse(thrown: unknown): void {
    const { room } = this.workers;
    room.counts.refused++;
    const error = thrown instanceof MalformedMessage ? new AppError("protocol", thrown.message) : toAppError(thrown);
    if (error.kind === "bug") room.deps.log.error("a message could not be handled", { error: error.cause });
    // Said once: the tracker stops then, and one that does not gets no answer to each batch.
    if (error.kind === "limit" && this.hasToldLimit) return;
    this.hasToldLimit = error.kind === "limit";
    this.send({ type: "error", data: wireErrorOf(error) });
    if (error.kind === "protocol" && ++this.faults === MAX_FAULTS) this.port.close("protocol", "too many malformed messages");
    // The tracker comes back with a `session_start`, which gives it a fresh session.
    if (error.kind === "not_started" && this.tabs.some((tab) => !isTaking(tab.session)))
      this.port.close("timeout", error.message);
  }

  private redactMarkers(markers: Marker[]): Marker[] {
    const { redaction } = this.workers.room.deps;
    return markers.length === 0 || !redaction ? markers : redaction.markers(this.port.project.id, markers);
  }

  private startRedacting(redaction: Redaction): Redacting {
    const { room, intake } = this.workers;
    const find = (name: string | undefined) =>
      name === undefined ? this.tabs.at(-1) : this.tabs.find((open) => open.summary.tab === name);
    return new Redacting(redaction, {
      room,
      projectId: this.port.project.id,
      handle: (envelope) => {
        this.handle(envelope);
      },
      refuse: (error) => {
        this.refuse(error);
      },
      askLater: (name, seq) => {
        const tab = find(name);
        if (tab) intake.askLater(tab, seq);
        else this.refuse(new AppError("overload", "too much waits for redaction"));
      },
      isKnown: (name, seq) => seq < (find(name)?.order.next ?? 0),
      onIdle: () => {
        if (this.isLeaving) this.closed();
        else this.progressed();
      },
    });
  }

  private isSettled(): boolean {
    if (this.state.kind === "opening" || this.redacting?.isIdle === false) return false;
    for (const tab of this.tabs) {
      if (tab.pending > 0 || tab.isRepeatDue || tab.session.state.kind === "ending") return false;
    }
    return true;
  }

  private settle(): void {
    const { settling } = this;
    this.settling = null;
    for (const done of settling ?? []) done();
  }
}

function wireErrorOf(error: AppError) {
  const { code } = error.meaning;
  const { message, retryAfterMs } = error;
  if (retryAfterMs !== undefined) return { code, message, retryAfterMs };
  return error.meaning.httpStatus === 503 ? { code, message, retryAfterMs: RETRY_AFTER_MS } : { code, message };
}

function isPlain(data: unknown): boolean {
  return typeof data === "object" && data !== null && "events" in data;
}

function payloadBytesOf(data: unknown): number {
  if (typeof data !== "object" || data === null) return 0;
  if ("payload" in data && data.payload instanceof Uint8Array) return data.payload.length;
  // Plain events have no cheap size: a guess that errs upwards.
  return "events" in data && Array.isArray(data.events) ? data.events.length * 1024 : 0;
}
