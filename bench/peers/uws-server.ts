/**
 * The floor of the fan-out and idle-connection figures: bare uWebSockets.js with nothing around it. A socket that says anything in text
 * is answered `session_started`; one that opened `/ws?type=viewer` is subscribed; a binary message is published to all that are.
 */

import { App, us_socket_local_port } from "uWebSockets.js";

const VIEWERS = "viewers";
const STARTED = JSON.stringify({ type: "session_started", data: { upto: -1 } });

interface Peer {
  isViewer: boolean;
}

const app = App();
app.ws<Peer>("/ws", {
  maxPayloadLength: 8 * 1024 * 1024,
  maxBackpressure: 16 * 1024 * 1024,
  idleTimeout: 120,
  upgrade(response, request, context) {
    response.upgrade<Peer>(
      { isViewer: (request.getQuery() ?? "").includes("type=viewer") },
      request.getHeader("sec-websocket-key"),
      request.getHeader("sec-websocket-protocol"),
      request.getHeader("sec-websocket-extensions"),
      context,
    );
  },
  open(socket) {
    if (socket.getUserData().isViewer) socket.subscribe(VIEWERS);
  },
  message(socket, message, isBinary) {
    if (isBinary) app.publish(VIEWERS, message, true);
    else socket.send(STARTED);
  },
});
app.listen("127.0.0.1", 0, (socket) => {
  console.log(`listening on ${socket ? us_socket_local_port(socket) : 0}`);
});

// With `--expose-gc` its memory is what it needs, not what happened to be left over.
setInterval(() => {
  globalThis.gc?.();
}, 500).unref();
