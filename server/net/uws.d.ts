/* What uWebSockets.js does and its types leave out. */
import type { us_listen_socket } from "uWebSockets.js";

declare module "uWebSockets.js" {
  interface TemplatedApp {
    /** Listen options as a number. */
    listen(port: number, options: number, onListening: (socket: us_listen_socket | false) => void): TemplatedApp;
    /** A host together with them. */
    listen(host: string, port: number, options: number, onListening: (socket: us_listen_socket | false) => void): TemplatedApp;
  }
  interface HttpRequest {
    /** Without a `?` there is no query string (measured). */
    getQuery(): string | undefined;
  }
}
