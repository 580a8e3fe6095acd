/** The door of net: HTTP and WebSockets over uWebSockets.js, which no other room knows of. */

import { App, us_listen_socket_close, us_socket_local_port, type us_listen_socket } from "uWebSockets.js";
import { CLOSE } from "../../protocol/close-codes.ts";
import { AppError } from "../app-error.ts";
import type { Auth } from "../auth/auth.ts";
import type { Clock } from "../clock.ts";
import type { Ingest } from "../ingest/ingest.ts";
import type { Live, Publisher } from "../live/live.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Projects } from "../projects/projects.ts";
import { attachHttp } from "./http.ts";
import { createIngestRoute } from "./ingest-http.ts";
import { createInfoRoutes, type InfoDeps } from "./info-routes.ts";
import { createAddressLimiter, type RateLimit } from "./limits.ts";
import type { Route } from "./route.ts";
import { createRouteTable } from "./route-table.ts";
import { createStatic } from "./static.ts";
import { createTrackerShared } from "./tracker-socket.ts";
import { attachSockets } from "./upgrade.ts";
import { createViewerShared } from "./viewer-socket.ts";

/** uSockets: do not share the port with another process, which an old copy left running would do silently. */
const EXCLUSIVE = 1;
/** Sockets are ended over about this long, so that not all of them come back in the same moment. */
const CLOSE_SPREAD_MS = 500;
const CLOSE_SLICES = 20;
/** Requests that are being answered may finish for this long. */
const FINISH_TIMEOUT_MS = 2_000;

export interface NetDeps {
  ingest: Ingest;
  live: Live;
  auth: Auth;
  projects: Projects;
  db: InfoDeps["db"];
  store: InfoDeps["store"];
  /** Routes of the other rooms. */
  routes: readonly Route[];
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  version: string;
  publicUrl: string;
  /** Folder that holds `dist/` and `demo/`. */
  root: string;
  demoKey: () => string;
  trackerPaths: readonly string[];
  rateLimit: RateLimit;
  trustProxy: boolean;
}

/** States: `closed` -> `listening` -> `draining` (nothing new) -> `stopped` (no socket is left). */
export interface Net {
  /**
   * Opens the port; empty host for all addresses, port 0 for a free one.
   * @returns the port
   * @throws AppError `config` where the port is taken
   */
  listen(host: string, port: number): Promise<number>;
  /** Takes no new connection, and refuses new sockets and ingest on the old ones. */
  refuseNew(): void;
  /** Lets running requests finish, and ends every socket with 1012 (come back soon). */
  closeSockets(): Promise<void>;
  /** Ends whatever is left. */
  stop(): void;
}

/** The uWebSockets.js app, made before the rooms, because the live edge publishes through it. */
export interface Wire {
  readonly app: ReturnType<typeof App>;
  readonly publisher: Publisher;
}

/** Makes the app. */
export function createWire(): Wire {
  const app = App();
  return { app, publisher: { publish: (topic, frame) => void app.publish(topic, frame, true) } };
}

/** Builds net over the rooms. */
export function createNet(wire: Wire, deps: NetDeps): Net {
  const { app } = wire;
  const { auth, clock, logger, metrics, projects, trustProxy } = deps;
  let listening: us_listen_socket | null = null;
  let isDraining = false;
  const draining = () => isDraining;

  const ownRoutes = [createIngestRoute({ ...deps, isDraining: draining })];
  const infoRoutes = createInfoRoutes({ ...deps, isDraining: draining, routes: [...deps.routes, ...ownRoutes] });
  const table = createRouteTable([...infoRoutes, ...ownRoutes, ...deps.routes]);
  const limit = deps.rateLimit;
  const trackers = createTrackerShared({ ingest: deps.ingest, clock, limit, metrics });
  const viewers = createViewerShared({ live: deps.live, auth, clock, limit, metrics, logger });
  const sockets = attachSockets({
    app,
    auth,
    projects,
    trackers: trackers.shared,
    viewers: viewers.shared,
    trustProxy,
    isDraining: draining,
    logger,
    metrics,
  });
  const http = attachHttp({
    app,
    table,
    auth,
    fallback: createStatic(deps),
    limiter: createAddressLimiter(limit, () => clock.now()),
    trustProxy,
    logger,
    metrics,
  });

  const refuseNew = () => {
    isDraining = true;
    if (listening) us_listen_socket_close(listening);
    listening = null;
  };

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        app.listen(host, port, EXCLUSIVE, (socket) => {
          if (!socket) {
            reject(new AppError("config", `Port ${port} is taken${host === "" ? "" : ` on ${host}`}, or may not be opened.`));
            return;
          }
          listening = socket;
          resolve(us_socket_local_port(socket));
        });
      }),
    refuseNew,
    async closeSockets() {
      const until = clock.now() + FINISH_TIMEOUT_MS;
      while (http.pending() > 0 && clock.now() < until) await pause(10);
      const all = [...sockets];
      const slice = Math.max(50, Math.ceil(all.length / CLOSE_SLICES));
      for (let i = 0; i < all.length; i += slice) {
        if (i > 0) await pause(CLOSE_SPREAD_MS / CLOSE_SLICES);
        for (const ws of all.slice(i, i + slice)) if (sockets.has(ws)) ws.end(CLOSE.restart, "the server restarts");
      }
    },
    stop() {
      refuseNew();
      trackers.stop();
      viewers.stop();
      app.close();
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
