/** A tracker's WebSocket: frames to messages for ingest, and ingest's answers in the form of the tracker's first message. */

import { encodeBinary, encodeText, MalformedMessage, type Envelope } from "../../protocol/codec.ts";
import { HELLO_TIMEOUT_MS } from "../../protocol/limits.ts";
import type { ToTrackerMessage } from "../../protocol/tracker-messages.ts";
import type { Clock } from "../clock.ts";
import type { Ingest, Place, TrackerConnection, TrackerPort } from "../ingest/ingest.ts";
import type { Counter, Metrics } from "../metrics.ts";
import type { Project } from "../projects/projects.ts";
import type { AddressUse } from "./addresses.ts";
import { decodeFrame } from "./frame.ts";
import { MAX_MALFORMED, OpenSocket, type SocketLimits } from "./socket.ts";
import type { KeyHolder, KeyUse } from "./tracker-keys.ts";

const SWEEP_INTERVAL_MS = 1_000;
/** A connection over its rate is told so at most this often. */
const COMPLAIN_INTERVAL_MS = 1_000;
const KEY_REVOKED = "this project key is no longer good";

/** What all tracker sockets share. */
export interface TrackerShared {
  ingest: Pick<Ingest, "connect">;
  clock: Clock;
  limits: SocketLimits;
  frames: Counter;
  bytes: Counter;
  malformed: Counter;
  limited: Counter;
  /** Sockets that have not said `session_start`, oldest first. */
  waiting: Map<TrackerSocket, number>;
}

/** Builds what tracker sockets share, and closes those that say nothing; the function returned stops that. */
export function createTrackerShared(deps: Pick<TrackerShared, "ingest" | "clock" | "limits"> & { metrics: Metrics }): {
  shared: TrackerShared;
  stop: () => void;
} {
  const { metrics } = deps;
  const waiting = new Map<TrackerSocket, number>();
  const stop = deps.clock.every(SWEEP_INTERVAL_MS, () => {
    const since = deps.clock.now() - HELLO_TIMEOUT_MS;
    for (const [socket, openedAt] of waiting) {
      if (openedAt > since) break;
      waiting.delete(socket);
      socket.close("timeout", "no session_start came");
    }
  });
  const shared: TrackerShared = {
    ingest: deps.ingest,
    clock: deps.clock,
    limits: deps.limits,
    waiting,
    frames: metrics.counter("tracker_frames_total", "WebSocket frames from trackers."),
    bytes: metrics.counter("tracker_bytes_total", "Bytes of WebSocket frames from trackers."),
    malformed: metrics.counter("tracker_malformed_total", "Frames from trackers that made no sense."),
    limited: metrics.counter("tracker_limited_total", "Frames from trackers over the rate limit."),
  };
  return { shared, stop };
}

export class TrackerSocket extends OpenSocket implements TrackerPort, KeyHolder {
  readonly place: Place | null;
  private readonly use: KeyUse;
  private readonly shared: TrackerShared;
  /** Made with the first message: most of what a connection costs is made there. */
  private connection: TrackerConnection | null = null;
  private complainedAt = 0;

  constructor(id: number, { address, place }: { address: AddressUse; place: Place | null }, use: KeyUse, shared: TrackerShared) {
    const now = shared.clock.now();
    super(id, address, shared.limits, now);
    this.use = use;
    this.place = place;
    this.shared = shared;
    shared.waiting.set(this, now);
    use.holders.add(this);
    address.trackers++;
  }

  /** As it is now: a `session_start` gets the settings of its moment. */
  get project(): Project {
    return this.use.project;
  }

  keyRevoked(): void {
    this.send({ type: "error", data: { code: "unauthorized", message: KEY_REVOKED } });
    this.close("unauthorized", KEY_REVOKED);
  }

  override received(message: ArrayBuffer, isBinary: boolean): void {
    const { shared } = this;
    shared.frames.value++;
    shared.bytes.value += message.byteLength;
    if (this.form === "none") this.form = isBinary ? "binary" : "text";
    const now = shared.clock.now();
    const waitMs = this.frameWaitMs(shared.limits, message.byteLength, now);
    if (waitMs > 0) {
      this.refuseOverLimit(now, waitMs);
      return;
    }
    let envelope: Envelope;
    try {
      envelope = decodeFrame(message, isBinary);
    } catch (error) {
      this.refuse(error);
      return;
    }
    if (envelope.type === "session_start") shared.waiting.delete(this);
    this.connection ??= shared.ingest.connect(this);
    this.connection.receive(envelope);
  }

  send(message: ToTrackerMessage): void {
    if (!this.isOpen) return;
    if (this.form === "binary") this.write(encodeBinary(message.type, message.data));
    else if (message.type === "ack") this.write(ackText(message.data.tab, message.data.upto));
    else this.write(encodeText(message.type, message.data));
  }

  override closed(): void {
    super.closed();
    this.shared.waiting.delete(this);
    this.use.holders.delete(this);
    this.address.trackers--;
    this.connection?.closed();
    this.connection = null;
  }

  private refuse(error: unknown): void {
    this.shared.malformed.value++;
    const message = error instanceof MalformedMessage ? error.message : "not understood";
    this.send({ type: "error", data: { code: "malformed", message } });
    if (++this.malformedCount >= MAX_MALFORMED) this.close("protocol", "too many malformed messages");
  }

  /** The frame is dropped unread: its batch makes a hole, which ingest has sent again. */
  private refuseOverLimit(now: number, waitMs: number): void {
    this.shared.limited.value++;
    if (now - this.complainedAt < COMPLAIN_INTERVAL_MS) return;
    this.complainedAt = now;
    this.send({ type: "error", data: { code: "limit", message: "too much at once", retryAfterMs: Math.max(waitMs, 1_000) } });
  }
}

/** The most frequent answer, without a serialiser: a tab's characters need no escape, and a number has none. */
function ackText(tab: string, upto: number): string {
  return `{"type":"ack","data":{"tab":"${tab}","upto":${upto}}}`;
}
