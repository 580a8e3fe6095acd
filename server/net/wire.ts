/**
 * The uWebSockets.js app and its port. It is made before the rooms: the port is taken first, so that a second start ends before it
 * touches anything, and the live edge publishes through it. Until net is built over it, connections are closed unanswered.
 */

import { App, us_listen_socket_close, us_socket_local_port, type TemplatedApp, type us_listen_socket } from "uWebSockets.js";
import { AppError } from "../app-error.ts";
import type { Publisher } from "../live/live.ts";
import { explainPort } from "./port-fault.ts";

/** uSockets: do not share the port with another process, which an old copy left running would do silently. */
const EXCLUSIVE = 1;

export interface Wire {
  readonly app: TemplatedApp;
  readonly publisher: Publisher;
  /**
   * Takes the port; empty host for all addresses, port 0 for a free one.
   * @returns the port
   * @throws AppError `config` that says why it cannot be had
   */
  listen(host: string, port: number): Promise<number>;
  /** Takes no new connection. */
  stopListening(): void;
  /** Ends every connection at once. */
  close(): void;
}

/** Makes the app. */
export function createWire(): Wire {
  const app = App();
  let listening: us_listen_socket | null = null;
  let isClosed = false;
  const stopListening = () => {
    if (listening) us_listen_socket_close(listening);
    listening = null;
  };
  return {
    app,
    publisher: {
      publish(topic, frame) {
        if (!isClosed) app.publish(topic, frame, true);
      },
    },
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        const onListening = (socket: us_listen_socket | false) => {
          if (!socket) {
            explainPort(host, port).then((why) => reject(new AppError("config", why)), reject);
            return;
          }
          listening = socket;
          resolve(us_socket_local_port(socket));
        };
        // With an empty host, the form that takes one ignores the port.
        if (host === "") app.listen(port, EXCLUSIVE, onListening);
        else app.listen(host, port, EXCLUSIVE, onListening);
      }),
    stopListening,
    close() {
      stopListening();
      if (!isClosed) app.close();
      isClosed = true;
    },
  };
}
