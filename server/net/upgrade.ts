/** `/ws`: from the upgrade to the events of a socket. A refused upgrade is an HTTP answer with the right status. */

import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from "uWebSockets.js";
import { MAX_FRAME_BYTES, MAX_VIEWER_BACKLOG_BYTES } from "../../protocol/limits.ts";
import { AppError } from "../app-error.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Admission } from "./admission.ts";
import { Exchange } from "./exchange.ts";
import { readHead, type RequestHead } from "./http.ts";
import type { AddressLimiter } from "./limits.ts";
import { RefusedSocket } from "./refused-socket.ts";
import type { SocketData, SocketPeer } from "./socket.ts";

/** Below the 60 s after which common proxies cut a silent connection; pings are sent in time. */
const IDLE_TIMEOUT_SECONDS = 56;

/** RFC 6455, section 7.4.1: a fault of ours. */
const INTERNAL_ERROR = 1011;

export interface UpgradeDeps {
  app: TemplatedApp;
  admission: Admission;
  /** How fast one address may open sockets. */
  upgrades: AddressLimiter;
  trustProxy: boolean;
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

  const refuse = (exchange: Exchange, head: RequestHead, thrown: unknown) => {
    refused.value++;
    const error = exchange.sendError(thrown);
    deps.logger[error.meaning.logLevel]("socket refused", { peer: head.peer, error: error.cause ?? error });
  };

  /** Within the call that asks, for whom memory is enough to say yes or no; null where it is not. */
  const admitAtOnce = (head: RequestHead, query: URLSearchParams): SocketPeer | null => {
    const waitMs = deps.upgrades.take(head.peer);
    if (waitMs > 0) {
      throw new AppError("limit", "too many connections at once from this address", { retryAfterMs: Math.max(waitMs, 1_000) });
    }
    return deps.admission.atOnce(head, query);
  };

  const upgradeLater = async (res: HttpResponse, head: RequestHead, query: URLSearchParams, context: us_socket_context_t) => {
    const exchange = new Exchange(res, false);
    let peer: SocketPeer;
    try {
      peer = await deps.admission.admit(head, query);
    } catch (thrown) {
      refuse(exchange, head, thrown);
      return;
    }
    if (peer instanceof RefusedSocket) refused.value++;
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
      let peer: SocketPeer | null;
      try {
        // The library goes by the key alone (RFC 6455, section 4.2.1).
        if (head.headers["upgrade"]?.toLowerCase() !== "websocket")
          throw new AppError("protocol", "this takes Upgrade: websocket");
        peer = admitAtOnce(head, query);
      } catch (thrown) {
        refuse(new Exchange(res, false), head, thrown);
        return;
      }
      if (peer instanceof RefusedSocket) refused.value++;
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
