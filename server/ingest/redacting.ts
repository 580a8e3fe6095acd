/**
 * What one tracker says on its way through redaction, in the order in which it says it: a message waits for those before it. Projects that
 * do not have their payloads redacted pass by.
 *
 * A payload that cannot be read is never kept: an empty batch takes its place, so that the order of its tab goes on, and the tracker is
 * told.
 */

import type { PackedBatch } from "../../protocol/batch.ts";
import type { Envelope } from "../../protocol/codec.ts";
import type { RrwebEvent } from "../../protocol/rrweb-event.ts";
import { AppError } from "../app-error.ts";
import { parsePackedBatch } from "./packed-batch.ts";
import type { PackedPayload, Redaction } from "./redaction.ts";
import { MAX_WAITING_BYTES, type IngestRoom } from "./room.ts";

/** What a message counts for besides its payload. */
const MESSAGE_BYTES = 512;
/** Most messages of one tracker that wait. */
const MAX_WAITING_COUNT = 4_096;
/** How long a tracker waits before it sends again what redaction had no room for. */
export const REDACTION_FULL_WAIT_MS = 500;
const EMPTY = new TextEncoder().encode("[]");

/** What the queue is built from. */
export interface RedactingDeps {
  room: IngestRoom;
  projectId: number;
  /** Takes a message whose turn it is. */
  handle(envelope: Envelope): void;
  /** A message could not be taken; the tracker is told. */
  refuse(error: AppError): void;
  /** The tracker is to send this tab again from here, after a while. */
  askLater(tab: string | undefined, seq: number): void;
  /** True where this seq was taken in before. */
  isKnown(tab: string | undefined, seq: number): boolean;
  /** Nothing waits any more. */
  onIdle(): void;
}

interface Waiting {
  /** Null where nothing of it is left. */
  envelope: Envelope | null;
  bytes: number;
  isReady: boolean;
  fault: AppError | null;
}

/** A batch that was turned away, until when those behind it are as well. */
interface TurnedAway {
  tab: string | undefined;
  seq: number;
  until: number;
}

export class Redacting {
  private readonly deps: RedactingDeps;
  private readonly redaction: Redaction;
  private readonly waiting: Waiting[] = [];
  private turnedAway: TurnedAway | null = null;

  constructor(redaction: Redaction, deps: RedactingDeps) {
    this.redaction = redaction;
    this.deps = deps;
  }

  get isIdle(): boolean {
    return this.waiting.length === 0;
  }

  /** True where the message was taken and will come back by `handle`; false where it can go on at once. */
  takes(envelope: Envelope): boolean {
    if (envelope.type === "events_batch") return isPlain(envelope.data) ? this.takesPlain(envelope) : this.takesPacked(envelope);
    return this.follows(envelope);
  }

  private takesPacked(envelope: Envelope): boolean {
    if (!this.redaction.readsPayloads(this.deps.projectId)) return this.follows(envelope);
    const batch = parsePackedBatch(envelope.data);
    // What is malformed, or here already, is dropped further on: nobody needs to look inside.
    if (batch === null || this.deps.isKnown(batch.tab, batch.seq)) return this.follows(envelope);
    if (this.isTurnedAway(batch)) return true;
    const isSent = this.send(batch, (redacted, waiting) => {
      waiting.envelope = { type: "events_batch", data: replacePayload(batch, redacted) };
      if (redacted === null)
        waiting.fault = new AppError("protocol", "events_batch: payload: cannot be read, and so is not kept");
    });
    if (isSent) return true;
    this.deps.room.counts.overloads++;
    this.turnedAway = { tab: batch.tab, seq: batch.seq, until: this.deps.room.deps.clock.now() + REDACTION_FULL_WAIT_MS };
    this.deps.askLater(batch.tab, batch.seq);
    return true;
  }

  private takesPlain(envelope: Envelope): boolean {
    const { data } = envelope;
    const events = eventsOf(data);
    // What is malformed is refused further on.
    if (events === null || this.redaction.events(this.deps.projectId, events)) return this.follows(envelope);
    const payload = new TextEncoder().encode(JSON.stringify(events));
    const isSent = this.send({ encoding: "json", rawBytes: payload.length, payload }, (redacted, waiting) => {
      const clean = redacted && eventsOf({ events: readJson(redacted.payload) });
      if (clean) waiting.envelope = { type: envelope.type, data: { ...asObject(data), events: clean } };
      else waiting.fault = new AppError("protocol", "events_batch: events: cannot be read, and so are not kept");
    });
    if (!isSent) {
      this.deps.refuse(new AppError("overload", "too much waits for redaction", { retryAfterMs: REDACTION_FULL_WAIT_MS }));
    }
    return true;
  }

  /** A message that needs nothing waits only for those before it. */
  private follows(envelope: Envelope): boolean {
    if (this.waiting.length === 0) return false;
    if (this.waiting.length >= MAX_WAITING_COUNT) {
      this.deps.refuse(new AppError("overload", "too much waits for redaction", { retryAfterMs: REDACTION_FULL_WAIT_MS }));
      return true;
    }
    this.push({ envelope, bytes: MESSAGE_BYTES, isReady: true, fault: null });
    return true;
  }

  private send(packed: PackedPayload, done: (redacted: PackedPayload | null, waiting: Waiting) => void): boolean {
    const { room, projectId } = this.deps;
    const bytes = MESSAGE_BYTES + packed.payload.length;
    if (this.waiting.length >= MAX_WAITING_COUNT || room.waitingBytes + bytes > MAX_WAITING_BYTES) return false;
    const { encoding, rawBytes, payload } = packed;
    const redacted = this.redaction.payload(projectId, { encoding, rawBytes, payload });
    if (redacted === null) return false;
    const waiting: Waiting = { envelope: null, bytes, isReady: false, fault: null };
    this.push(waiting);
    void redacted.then((result) => {
      done(result, waiting);
      waiting.isReady = true;
      this.goOn();
    });
    return true;
  }

  private push(waiting: Waiting): void {
    this.waiting.push(waiting);
    this.deps.room.waitingBytes += waiting.bytes;
  }

  private goOn(): void {
    for (let first = this.waiting[0]; first?.isReady; first = this.waiting[0]) {
      this.waiting.shift();
      this.deps.room.waitingBytes -= first.bytes;
      if (first.envelope) this.deps.handle(first.envelope);
      if (first.fault) this.deps.refuse(first.fault);
    }
    if (this.waiting.length === 0) this.deps.onIdle();
  }

  /** Behind a batch that was turned away nothing is taken until it comes again, or should have. */
  private isTurnedAway(batch: PackedBatch): boolean {
    const { turnedAway } = this;
    if (turnedAway?.tab !== batch.tab || turnedAway === null) return false;
    if (batch.seq > turnedAway.seq && this.deps.room.deps.clock.now() < turnedAway.until) return true;
    this.turnedAway = null;
    return false;
  }
}

function replacePayload(batch: PackedBatch, redacted: PackedPayload | null): PackedBatch {
  if (redacted !== null) return { ...batch, ...redacted };
  return { ...batch, count: 0, checkout: false, encoding: "json", rawBytes: EMPTY.length, payload: EMPTY };
}

function isPlain(data: unknown): boolean {
  return typeof data === "object" && data !== null && "events" in data;
}

function eventsOf(data: unknown): RrwebEvent[] | null {
  if (typeof data !== "object" || data === null || !("events" in data) || !Array.isArray(data.events)) return null;
  const events: unknown[] = data.events;
  return events.every(isEvent) ? events : null;
}

function isEvent(value: unknown): value is RrwebEvent {
  return (
    typeof value === "object" &&
    value !== null &&
    "type" in value &&
    "timestamp" in value &&
    typeof value.type === "number" &&
    typeof value.timestamp === "number"
  );
}

function asObject(data: unknown): object {
  return typeof data === "object" && data !== null ? data : {};
}

function readJson(bytes: Uint8Array): unknown {
  const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
  return value;
}
