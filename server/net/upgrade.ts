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
import type { SocketData, SocketPeer } from "./socket.ts";
import { TrackerSocket, type TrackerShared } from "./tracker-socket.ts";
import { ViewerSocket, type ViewerShared } from "./viewer-socket.ts";

/** Below the 60 s after which common proxies cut a silent connection; pings are sent in time. */
const IDLE_TIMEOUT_SECONDS = 56;

export interface UpgradeDeps {
  app: TemplatedApp;
  auth: Pick<Auth, "identify" | "isTrustedOrigin">;
  projects: Pick<Projects, "findByKey">;
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
  let nextId = 1;

  const admit = async (head: RequestHead): Promise<SocketPeer> => {
    if (deps.isDraining()) throw new AppError("overload", "the server is stopping", { retryAfterMs: 1_000 });
    const query = new URLSearchParams(head.query);
    switch (query.get("type")) {
      case "tracker": {
        const project = await deps.projects.findByKey(query.get("key") ?? "");
        if (!project) throw new AppError("auth", "unknown project key");
        return new TrackerSocket(nextId++, head.peer, project, deps.trackers);
      }
      case "viewer": {
        const { cookie, authorization, origin, host } = head.headers;
        const token = query.get("token") ?? undefined;
        const credentials = authorization !== undefined || token !== undefined ? { authorization, token } : { cookie };
        const identity = await deps.auth.identify(credentials);
        if (identity.kind === "nobody") throw new AppError("auth", "sign in, or send a bearer token");
        // Any page can open a socket here with its visitor's cookie; only the browser's word about that page tells them apart.
        if (
          identity.kind === "user" &&
          (origin === undefined || !deps.auth.isTrustedOrigin(origin, host, head.headers["sec-fetch-site"]))
        ) {
          throw new AppError("forbidden", "viewers come from our own pages, or with a bearer token");
        }
        return new ViewerSocket(nextId++, head.peer, identity, credentials, deps.viewers);
      }
      default:
        throw new AppError("protocol", "type must be tracker or viewer");
    }
  };

  const upgrade = async (res: HttpResponse, head: RequestHead, exchange: Exchange, context: us_socket_context_t) => {
    let peer: SocketPeer;
    try {
      peer = await admit(head);
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
    res.cork(() => {
      res.upgrade<SocketData>(
        { peer },
        head.headers["sec-websocket-key"] ?? "",
        head.headers["sec-websocket-protocol"] ?? "",
        head.headers["sec-websocket-extensions"] ?? "",
        context,
      );
    });
  };

  deps.app.ws<SocketData>("/ws", {
    // No `compression`: payloads are compressed in the page already.
    maxPayloadLength: MAX_FRAME_BYTES,
    maxBackpressure: MAX_VIEWER_BACKLOG_BYTES,
    idleTimeout: IDLE_TIMEOUT_SECONDS,
    sendPingsAutomatically: true,
    upgrade(res: HttpResponse, req: HttpRequest, context) {
      const head = readHead(res, req, deps.trustProxy);
      void upgrade(res, head, new Exchange(res, false), context);
    },
    open(ws) {
      open.add(ws);
      ws.getUserData().peer.opened(ws);
    },
    message(ws, message, isBinary) {
      ws.getUserData().peer.received(message, isBinary);
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
