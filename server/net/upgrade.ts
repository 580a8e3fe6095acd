/** `/ws`: who may open a socket, and which kind. A refused upgrade is an HTTP answer with the right status. */

import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from "uWebSockets.js";
import { MAX_FRAME_BYTES, MAX_VIEWER_BACKLOG_BYTES } from "../../protocol/limits.ts";
import { AppError } from "../app-error.ts";
import type { Auth } from "../auth/auth.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Projects } from "../projects/projects.ts";
import { Exchange } from "./exchange.ts";
import { readHead, type RequestHead } from "./http.ts";
import { createKnownKeys } from "./known-keys.ts";
import type { SocketData, SocketPeer } from "./socket.ts";
import { TrackerSocket, type TrackerShared } from "./tracker-socket.ts";
import { ViewerSocket, type ViewerShared } from "./viewer-socket.ts";

/** Below the 60 s after which common proxies cut a silent connection; pings are sent in time. */
const IDLE_TIMEOUT_SECONDS = 56;

/** RFC 6455, section 7.4.1: a fault of ours. */
const INTERNAL_ERROR = 1011;

export interface UpgradeDeps {
  app: TemplatedApp;
  auth: Pick<Auth, "identify" | "isTrustedOrigin">;
  projects: Pick<Projects, "findByKey">;
  /** Keys that are looked up before anybody comes with them. */
  firstKeys: readonly string[];
  trackers: TrackerShared;
  viewers: ViewerShared;
  trustProxy: boolean;
  isDraining: () => boolean;
  logger: Logger;
  metrics: Metrics;
}

/** Every open socket, so that a drain can end them. */
export type OpenSockets = ReadonlySet<WebSocket<SocketData>>;

/** Attaches the sockets to the app. */
export function attachSockets(deps: UpgradeDeps): OpenSockets {
  const open = new Set<WebSocket<SocketData>>();
  const refused = deps.metrics.counter("sockets_refused_total", "Refused WebSocket upgrades.");
  deps.metrics.gauge("sockets", "Open WebSockets.", () => open.size);
  const keys = createKnownKeys(deps.projects);
  for (const key of deps.firstKeys) void keys.find(key).catch(() => null);
  let nextId = 1;

  /** Lets a tracker in whose key is known, within the call that asks; null for everybody else. */
  const admitAtOnce = (head: RequestHead, query: URLSearchParams): TrackerSocket | null => {
    const key = query.get("key") ?? "";
    const project = query.get("type") === "tracker" && !deps.isDraining() ? keys.get(key) : null;
    if (!project) return null;
    const socket = new TrackerSocket(nextId++, head.peer, project, deps.trackers);
    keys.find(key).then(
      (found) => {
        if (!found) socket.close("unauthorized", "this project key was revoked");
      },
      (error: unknown) => deps.logger.debug("project key not checked again", { error }),
    );
    return socket;
  };

  const admit = async (head: RequestHead, query: URLSearchParams): Promise<SocketPeer> => {
    if (deps.isDraining()) throw new AppError("overload", "the server is stopping", { retryAfterMs: 1_000 });
    switch (query.get("type")) {
      case "tracker": {
        const project = await keys.find(query.get("key") ?? "");
        if (!project) throw new AppError("auth", "unknown project key");
        return new TrackerSocket(nextId++, head.peer, project, deps.trackers);
      }
      case "viewer":
        return admitViewer(head, query);
      default:
        throw new AppError("protocol", "type must be tracker or viewer");
    }
  };

  const admitViewer = async (head: RequestHead, query: URLSearchParams): Promise<ViewerSocket> => {
    const { cookie, authorization, origin, host } = head.headers;
    const token = query.get("token") ?? undefined;
    const credentials = authorization !== undefined || token !== undefined ? { authorization, token } : { cookie };
    const identity = await deps.auth.identify(credentials);
    if (identity.kind === "nobody") throw new AppError("auth", "sign in, or send a bearer token");
    // Any page can open a socket here with its visitor's cookie; only the browser's word about that page tells them apart.
    const isOurs = origin !== undefined && deps.auth.isTrustedOrigin(origin, host, head.headers["sec-fetch-site"]);
    if (identity.kind === "user" && !isOurs) {
      throw new AppError("forbidden", "viewers come from our own pages, or with a bearer token");
    }
    return new ViewerSocket(nextId++, head.peer, identity, credentials, deps.viewers);
  };

  const upgradeLater = async (res: HttpResponse, head: RequestHead, query: URLSearchParams, context: us_socket_context_t) => {
    const exchange = new Exchange(res, false);
    let peer: SocketPeer;
    try {
      peer = await admit(head, query);
    } catch (thrown) {
      refused.value++;
      const error = exchange.sendError(thrown);
      deps.logger[error.meaning.logLevel]("socket refused", { peer: head.peer, error: error.cause ?? error });
      return;
    }
    if (exchange.isOver) {
      peer.closed();
      return;
    }
    exchange.isOver = true;
    const [holder] = open;
    const finish = () => upgrade(res, head, peer, context);
    // Corked on its own account, the library would look at the HTTP state of the socket after the upgrade, which is a WebSocket's memory
    // by then, and now and then close it (measured, uws-pack 20.0.8: shutdown right after the 101). While another socket holds
    // the cork it does not look; and without any cork it works as well, but complains on standard error.
    if (holder) holder.cork(() => res.cork(finish));
    else finish();
  };

  deps.app.ws<SocketData>("/ws", {
    // No `compression`: payloads are compressed in the page already.
    maxPayloadLength: MAX_FRAME_BYTES,
    maxBackpressure: MAX_VIEWER_BACKLOG_BYTES,
    idleTimeout: IDLE_TIMEOUT_SECONDS,
    sendPingsAutomatically: true,
    upgrade(res: HttpResponse, req: HttpRequest, context) {
      const head = readHead(res, req, deps.trustProxy);
      const query = new URLSearchParams(head.query);
      const peer = admitAtOnce(head, query);
      if (peer) upgrade(res, head, peer, context);
      else void upgradeLater(res, head, query, context);
    },
    open(ws) {
      open.add(ws);
      ws.getUserData().peer.opened(ws);
    },
    message(ws, message, isBinary) {
      try {
        ws.getUserData().peer.received(message, isBinary);
      } catch (error) {
        // Nobody should throw up to here; whoever does costs one connection, not the process.
        deps.logger.error("a frame could not be handled", { error });
        if (open.has(ws)) ws.end(INTERNAL_ERROR, "internal error");
      }
    },
    dropped(ws) {
      ws.getUserData().peer.dropped();
    },
    drain(ws) {
      ws.getUserData().peer.drained();
    },
    close(ws) {
      open.delete(ws);
      ws.getUserData().peer.closed();
    },
  });
  return open;
}

function upgrade(res: HttpResponse, head: RequestHead, peer: SocketPeer, context: us_socket_context_t): void {
  const { headers } = head;
  res.upgrade<SocketData>(
    { peer },
    headers["sec-websocket-key"] ?? "",
    headers["sec-websocket-protocol"] ?? "",
    headers["sec-websocket-extensions"] ?? "",
    context,
  );
}
