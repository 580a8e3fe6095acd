/** A viewer's WebSocket: messages for the live edge, and its feed back, with who he is checked again and again. */

import { fromAgent } from "../../protocol/assist.ts";
import { encodeBinary, encodeText, MalformedMessage, type Envelope } from "../../protocol/codec.ts";
import { MAX_CONTROL_BYTES } from "../../protocol/limits.ts";
import type { WireError } from "../../protocol/tracker-messages.ts";
import { actorOf } from "../audit-trail.ts";
import type { AgentConnection, AgentPort, Assist } from "../assist/assist.ts";
import { isBelow, maySee, roleIn, ROLES, type Credentials, type Identity } from "../auth/auth.ts";
import type { Clock } from "../clock.ts";
import type { Live, ViewerConnection, ViewerPort } from "../live/live.ts";
import type { Counter, Metrics } from "../metrics.ts";
import type { AddressUse } from "./addresses.ts";
import { agentName } from "./agent-name.ts";
import { decodeFrame } from "./frame.ts";
import { MAX_MALFORMED, OpenSocket, type SocketLimits } from "./socket.ts";

/** A viewer over his rate is told so at most this often. */
const COMPLAIN_INTERVAL_MS = 1_000;
const WITHDRAWN = "your rights changed; connect again with what is left of them";

/** What all viewer sockets share. */
export interface ViewerShared {
  live: Pick<Live, "connect">;
  assist: Pick<Assist, "connect">;
  clock: Clock;
  limits: SocketLimits;
  frames: Counter;
  malformed: Counter;
  limited: Counter;
  dropped: Counter;
  open: Set<ViewerSocket>;
}

/** Builds what viewer sockets share. */
export function createViewerShared(
  deps: Pick<ViewerShared, "live" | "assist" | "clock" | "limits"> & { metrics: Metrics },
): ViewerShared {
  const { metrics } = deps;
  return {
    live: deps.live,
    assist: deps.assist,
    clock: deps.clock,
    limits: deps.limits,
    open: new Set<ViewerSocket>(),
    frames: metrics.counter("viewer_frames_total", "WebSocket frames from viewers."),
    malformed: metrics.counter("viewer_malformed_total", "Frames from viewers that made no sense."),
    limited: metrics.counter("viewer_limited_total", "Frames from viewers over the rate limit."),
    dropped: metrics.counter("viewer_dropped_total", "Published frames that a viewer was too slow for."),
  };
}

export class ViewerSocket extends OpenSocket {
  readonly credentials: Credentials;
  /** His whole address as text; limits go by less of it. */
  private readonly peer: string;
  /** When his rights were looked at last, by our clock. */
  checkedAt: number;
  /** Number of the look that told who he is now. */
  lookNumber = 0;
  private readonly shared: ViewerShared;
  private identity: Identity;
  private connection: ViewerConnection | null = null;
  /** Made with the first message of one who helps. */
  private agent: AgentConnection | null = null;
  private complainedAt = 0;

  constructor(
    id: number,
    { address, peer }: { address: AddressUse; peer: string },
    identity: Identity,
    credentials: Credentials,
    shared: ViewerShared,
  ) {
    const now = shared.clock.now();
    super(id, address, shared.limits, now);
    this.peer = peer;
    this.checkedAt = now;
    this.identity = identity;
    this.credentials = credentials;
    this.shared = shared;
    shared.open.add(this);
    address.viewers++;
  }

  /** When the sign-in or token ends by itself; never for those without an end. */
  get expiresAt(): number {
    return this.identity.kind === "nobody" ? Infinity : (this.identity.expiresAt ?? Infinity);
  }

  /** The sign-in or token has ended by itself. */
  expired(): void {
    this.identityChanged({ kind: "nobody" });
  }

  /**
   * Takes what is known of him now. A nobody's socket is closed. Where a right was withdrawn, his feeds and lists of projects that he may
   * not see any more end with an error, and the socket is cut, unless all that it follows is in other projects.
   */
  identityChanged(identity: Identity): void {
    const before = this.identity;
    this.identity = identity;
    this.agent?.rightsChanged();
    if (identity.kind === "nobody") {
      this.connection?.rightsChanged();
      this.close("unauthorized", "signed out, or the token is no longer good");
      return;
    }
    const withdrawn = withdrawnFrom(before, identity);
    if (withdrawn.length === 0) return;
    const followed = this.connection?.followedProjects();
    this.connection?.rightsChanged();
    if (!followed || followed.size === 0 || withdrawn.some((projectId) => followed.has(projectId))) {
      this.close("forbidden", WITHDRAWN);
    }
  }

  override received(message: ArrayBuffer, isBinary: boolean): void {
    const { shared } = this;
    shared.frames.value++;
    if (this.form === "none") this.form = isBinary ? "binary" : "text";
    const now = shared.clock.now();
    const waitMs = this.frameWaitMs(shared.limits, message.byteLength, now);
    if (waitMs > 0) {
      this.refuseOverLimit(now, waitMs);
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
    if (Object.hasOwn(fromAgent, envelope.type)) {
      this.agent ??= shared.assist.connect(this.toAgentPort());
      this.agent.receive(envelope);
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
    this.address.viewers--;
    this.connection?.closed();
    this.connection = null;
    this.agent?.closed();
    this.agent = null;
  }

  private refuseOverLimit(now: number, waitMs: number): void {
    this.shared.limited.value++;
    if (now - this.complainedAt < COMPLAIN_INTERVAL_MS) return;
    this.complainedAt = now;
    this.sendError({ code: "limit", message: "too much at once", retryAfterMs: waitMs });
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

  private toAgentPort(): AgentPort {
    return {
      send: ({ type, data }) => {
        this.write(this.form === "binary" ? encodeBinary(type, data) : encodeText(type, data));
      },
      maySee: (projectId) => maySee(this.identity, projectId),
      mayHelp: (projectId) => {
        const role = roleIn(this.identity, projectId);
        return role !== null && !isBelow(role, "member");
      },
      actor: () => actorOf(this.identity),
      name: () => agentName(this.identity.kind === "nobody" ? "" : (this.identity.email ?? "")),
      peer: this.peer,
    };
  }

  private sendError(error: WireError): void {
    this.write(this.form === "binary" ? encodeBinary("error", error) : encodeText("error", error));
  }
}

/** The projects in which the second identity may do less than the first. */
function withdrawnFrom(before: Identity, after: Identity): number[] {
  if (before.kind === "nobody") return [];
  return [...before.roles.keys()].filter((projectId) => {
    const [had, has] = [roleIn(before, projectId), roleIn(after, projectId)];
    return had !== null && (has === null || ROLES.indexOf(has) < ROLES.indexOf(had));
  });
}
