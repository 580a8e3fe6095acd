/* What uWebSockets.js does and its types leave out. */
import type { us_listen_socket } from "uWebSockets.js";

declare module "uWebSockets.js" {
  interface TemplatedApp {
    /** A host together with listen options. */
    listen(host: string, port: number, options: number, onListening: (socket: us_listen_socket | false) => void): TemplatedApp;
  }
  interface HttpRequest {
    /** Without a `?` there is no query string (measured). */
    getQuery(): string | undefined;
  }
}
