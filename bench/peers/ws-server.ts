/** A peer of the idle-connection figure: the `ws` package with nothing around it. */

import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const STARTED = JSON.stringify({ type: "session_started", data: { upto: -1 } });

const http = createServer();
new WebSocketServer({ server: http, perMessageDeflate: false }).on("connection", (socket) => {
  socket.on("message", () => socket.send(STARTED));
});
http.listen(0, "127.0.0.1", () => {
  const address = http.address();
  console.log(`listening on ${typeof address === "object" && address ? address.port : 0}`);
});

// With `--expose-gc` its memory is what it needs, not what happened to be left over.
setInterval(() => {
  globalThis.gc?.();
}, 500).unref();
