/** A viewer's WebSocket: messages for the live edge, and its feed back, with who he is checked again and again. */

import { encodeBinary, encodeText, MalformedMessage, type Envelope } from "../../protocol/codec.ts";
import { MAX_CONTROL_BYTES } from "../../protocol/limits.ts";
import type { WireError } from "../../protocol/tracker-messages.ts";
import { actorOf } from "../audit-trail.ts";
import { maySee, type Auth, type Credentials, type Identity } from "../auth/auth.ts";
import type { Clock } from "../clock.ts";
import type { Live, ViewerConnection, ViewerPort } from "../live/live.ts";
import type { Logger } from "../log.ts";
import type { Counter, Metrics } from "../metrics.ts";
import { decodeFrame } from "./frame.ts";
import { takeToken, type RateLimit } from "./limits.ts";
import { MAX_MALFORMED, OpenSocket } from "./socket.ts";

/** A sign-out, a revoked token or a changed right takes effect on open sockets within this time. */
export const RECHECK_INTERVAL_MS = 15_000;

/** What all viewer sockets share. */
export interface ViewerShared {
  live: Pick<Live, "connect">;
  clock: Clock;
  limit: RateLimit;
  frames: Counter;
  malformed: Counter;
  limited: Counter;
  dropped: Counter;
  open: Set<ViewerSocket>;
}

/** Builds what viewer sockets share, and looks again at who they are; the function returned stops that. */
export function createViewerShared(
  deps: Pick<ViewerShared, "live" | "clock" | "limit"> & { auth: Pick<Auth, "identify">; metrics: Metrics; logger: Logger },
): { shared: ViewerShared; stop: () => void } {
  const { metrics } = deps;
  const open = new Set<ViewerSocket>();
  const recheck = async (socket: ViewerSocket) => {
    try {
      socket.identityChanged(await deps.auth.identify(socket.credentials));
    } catch (error) {
      // The database is away: nobody can tell, and cutting every viewer would help nobody.
      deps.logger.debug("viewer not checked again", { error });
    }
  };
  const stop = deps.clock.every(RECHECK_INTERVAL_MS, () => {
    for (const socket of open) void recheck(socket);
  });
  const shared: ViewerShared = {
    live: deps.live,
    clock: deps.clock,
    limit: deps.limit,
    open,
    frames: metrics.counter("viewer_frames_total", "WebSocket frames from viewers."),
    malformed: metrics.counter("viewer_malformed_total", "Frames from viewers that made no sense."),
    limited: metrics.counter("viewer_limited_total", "Frames from viewers over the rate limit."),
    dropped: metrics.counter("viewer_dropped_total", "Published frames that a viewer was too slow for."),
  };
  return { shared, stop };
}

export class ViewerSocket extends OpenSocket {
  readonly credentials: Credentials;
  private readonly shared: ViewerShared;
  private identity: Identity;
  private connection: ViewerConnection | null = null;

  constructor(id: number, peer: string, identity: Identity, credentials: Credentials, shared: ViewerShared) {
    super(id, peer, shared.limit.burst, shared.clock.now());
    this.identity = identity;
    this.credentials = credentials;
    this.shared = shared;
    shared.open.add(this);
  }

  /** Takes what is known of him now; a nobody's socket is closed. */
  identityChanged(identity: Identity): void {
    this.identity = identity;
    if (identity.kind === "nobody") this.close("unauthorized", "signed out");
  }

  override received(message: ArrayBuffer, isBinary: boolean): void {
    const { shared } = this;
    shared.frames.value++;
    if (this.form === "none") this.form = isBinary ? "binary" : "text";
    const waitMs = takeToken(this, shared.limit, shared.clock.now());
    if (waitMs > 0) {
      shared.limited.value++;
      this.sendError({ code: "limit", message: "too many messages", retryAfterMs: waitMs });
      return;
    }
    let envelope: Envelope;
    try {
      if (message.byteLength > MAX_CONTROL_BYTES) throw new MalformedMessage(`larger than ${MAX_CONTROL_BYTES} bytes`);
      envelope = decodeFrame(message, isBinary);
    } catch (error) {
      shared.malformed.value++;
      this.sendError({ code: "malformed", message: error instanceof MalformedMessage ? error.message : "not understood" });
      if (++this.malformedCount >= MAX_MALFORMED) this.close("protocol", "too many malformed messages");
      return;
    }
    this.connection ??= shared.live.connect(this.toPort());
    this.connection.receive(envelope);
  }

  override dropped(): void {
    this.shared.dropped.value++;
    this.connection?.dropped();
  }

  override drained(): void {
    this.connection?.drained();
  }

  override closed(): void {
    super.closed();
    this.shared.open.delete(this);
    this.connection?.closed();
    this.connection = null;
  }

  private toPort(): ViewerPort {
    return {
      id: this.id,
      form: this.form === "text" ? "text" : "binary",
      send: (frame) => this.write(frame),
      subscribe: (topic) => this.subscribe(topic),
      unsubscribe: (topic) => this.unsubscribe(topic),
      backlogBytes: () => this.backlogBytes(),
      maySee: (projectId) => maySee(this.identity, projectId),
      actor: () => actorOf(this.identity),
      peer: this.peer,
    };
  }

  private sendError(error: WireError): void {
    this.write(this.form === "binary" ? encodeBinary("error", error) : encodeText("error", error));
  }
}
