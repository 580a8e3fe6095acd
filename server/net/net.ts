/** The door of net: HTTP and WebSockets over uWebSockets.js, which no other room knows of. */

import { CLOSE } from "../../protocol/close-codes.ts";
import type { Assist } from "../assist/assist.ts";
import type { Auth } from "../auth/auth.ts";
import type { Clock } from "../clock.ts";
import type { Ingest } from "../ingest/ingest.ts";
import type { Live } from "../live/live.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Projects } from "../projects/projects.ts";
import { attachHttp } from "./http.ts";
import { createIngestRoute } from "./ingest-http.ts";
import { createInfoRoutes, type InfoDeps } from "./info-routes.ts";
import { createAddresses } from "./addresses.ts";
import { createAdmission, type SocketCounts } from "./admission.ts";
import { createAddressLimiter, takeFrame, type RateLimit } from "./limits.ts";
import type { Route } from "./route.ts";
import { createRouteTable } from "./route-table.ts";
import type { SocketLimits } from "./socket.ts";
import { createStatic } from "./static.ts";
import { createTrackerKeys } from "./tracker-keys.ts";
import { createTrackerShared } from "./tracker-socket.ts";
import { attachSockets } from "./upgrade.ts";
import { watchViewerRights } from "./viewer-rights.ts";
import { createViewerShared } from "./viewer-socket.ts";
import type { Wire } from "./wire.ts";

/** Sockets are ended over about this long, so that not all of them come back in the same moment. */
const CLOSE_SPREAD_MS = 500;
const CLOSE_SLICES = 20;
/** Requests that are being answered may finish for this long. */
const FINISH_TIMEOUT_MS = 2_000;

export interface NetDeps {
  ingest: Ingest;
  live: Live;
  assist: Pick<Assist, "connect">;
  auth: Auth;
  projects: Projects;
  db: InfoDeps["db"];
  store: InfoDeps["store"];
  retention: InfoDeps["retention"];
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
  /** Whose pages may show sessions of a project in a frame. */
  embedOrigins: (projectId: number) => Promise<readonly string[]>;
  limits: NetLimits;
  trustProxy: boolean;
}

/** What peers may send and open. */
export interface NetLimits extends SocketLimits, SocketCounts {
  /** Requests of one address. */
  readonly requests: RateLimit;
  /** Sockets that one address opens. */
  readonly upgrades: RateLimit;
}

/** States: `open` -> `draining` (nothing new) -> `stopped` (no socket is left). */
export interface Net {
  /** Takes no new connection, and refuses new sockets and ingest on the old ones. */
  refuseNew(): void;
  /** Lets running requests finish, and ends every socket with 1012 (come back soon). */
  closeSockets(): Promise<void>;
  /** Ends whatever is left. */
  stop(): void;
}

/** Builds net over the rooms. */
export function createNet(wire: Wire, deps: NetDeps): Net {
  const { app } = wire;
  const { auth, clock, logger, metrics, projects, trustProxy } = deps;
  let isDraining = false;
  const draining = () => isDraining;

  const { limits } = deps;
  const now = () => clock.now();
  const addresses = createAddresses(limits.address, now);
  const ownRoutes = [createIngestRoute({ ...deps, isDraining: draining })];
  const infoRoutes = createInfoRoutes({ ...deps, isDraining: draining, routes: [...deps.routes, ...ownRoutes] });
  const table = createRouteTable([...infoRoutes, ...ownRoutes, ...deps.routes]);
  const trackers = createTrackerShared({ ingest: deps.ingest, clock, limits, metrics });
  const viewers = createViewerShared({ live: deps.live, assist: deps.assist, clock, limits, metrics });
  const keys = createTrackerKeys({ projects, clock, logger });
  // The first trackers after a start are let in at once as well.
  void keys.find(deps.demoKey()).catch(() => null);
  const rights = watchViewerRights({ auth, clock, logger, open: viewers.open });
  const stopListening = auth.onRightsChanged(() => {
    keys.lookAgain();
    rights.lookAgain();
  });
  const sockets = attachSockets({
    app,
    admission: createAdmission({
      auth,
      addresses,
      keys,
      rights,
      trackers: trackers.shared,
      viewers,
      counts: limits,
      isDraining: draining,
      trustProxy,
      logger,
    }),
    upgrades: createAddressLimiter(limits.upgrades, now),
    trustProxy,
    logger,
    metrics,
  });
  const http = attachHttp({
    app,
    table,
    auth,
    fallback: createStatic(deps),
    limiter: createAddressLimiter(limits.requests, now),
    takeBody: (peer, bytes) => takeFrame(addresses.of(peer), limits.address, bytes, now()),
    oweBody: (peer, bytes) => {
      addresses.of(peer).bytesLeft -= bytes;
    },
    trustProxy,
    logger,
    metrics,
  });

  const refuseNew = () => {
    isDraining = true;
    wire.stopListening();
  };

  return {
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
      stopListening();
      trackers.stop();
      keys.stop();
      rights.stop();
      wire.close();
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
