/** `server/net` on a free port over rooms that do next to nothing, for the tests of HTTP, files and sockets. The whole app has its own. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Envelope } from "../../protocol/codec.ts";
import type { Identity } from "../../server/auth/auth.ts";
import { systemClock, type Clock } from "../../server/clock.ts";
import type { TrackerPort } from "../../server/ingest/ingest.ts";
import { silentLogger } from "../../server/log.ts";
import { createMetrics } from "../../server/metrics.ts";
import { createNet, type Net, type NetDeps } from "../../server/net/net.ts";
import type { Route } from "../../server/net/route.ts";
import { createWire, type Wire } from "../../server/net/wire.ts";
import { DEFAULT_PROJECT_SETTINGS, type Project } from "../../server/projects/projects.ts";

export const BARE_KEY = "0123456789abcdef0123456789abcdef";

const user: Identity = {
  kind: "user",
  userId: 1,
  email: "a@b.c",
  isAdmin: false,
  signInId: "s",
  roles: new Map([[1, "viewer"]]),
};
const reader: Identity = {
  kind: "token",
  tokenId: 1,
  userId: 1,
  isAdmin: false,
  scopes: new Set(["read"]),
  roles: new Map([[1, "viewer"]]),
};

const WIDE_LIMITS: NetDeps["limits"] = {
  connection: { perSecond: 1_000, burst: 2_000, bytesPerSecond: 100_000_000, burstBytes: 1_000_000_000 },
  address: { perSecond: 100_000, burst: 1_000_000, bytesPerSecond: 1_000_000_000, burstBytes: 10_000_000_000 },
  requests: { perSecond: 1_000, burst: 2_000 },
  upgrades: { perSecond: 1_000, burst: 2_000 },
  maxTrackersPerAddress: 10_000,
  maxViewersPerAddress: 10_000,
};

/** What the rooms heard, and the ways to them. */
export interface BareNet {
  base: string;
  net: Net;
  wire: Wire;
  /** Messages that reached ingest. */
  seen: Envelope[];
  ports: TrackerPort[];
  counts: { trackersClosed: number; viewerDropped: number; viewerDrained: number };
  /** How long the rooms take to say who somebody is. */
  delays: { lookUpMs: number };
  /** The project of the key, whose settings a test may change, and whether the key and the cookie are good. */
  project: Project;
  access: { isKeyGood: boolean; isSignedIn: boolean };
  /** Tells net that rights may have changed. */
  changeRights(): void;
  stop(): void;
}

/** Starts it. `in=1` is a signed-in cookie, `good` a token that may read, `http://ours` our origin. */
export async function startBareNet(
  routes: readonly Route[] = [],
  limits: Partial<NetDeps["limits"]> = {},
  clock: Clock = systemClock,
): Promise<BareNet> {
  const root = mkdtempSync(join(tmpdir(), "wb-net-"));
  writeFiles(root);
  const seen: Envelope[] = [];
  const ports: TrackerPort[] = [];
  const counts = { trackersClosed: 0, viewerDropped: 0, viewerDrained: 0 };
  const delays = { lookUpMs: 0 };
  const afterLookUp = async <T>(value: T): Promise<T> => {
    if (delays.lookUpMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * delays.lookUpMs));
    return value;
  };
  const project: Project = {
    id: 1,
    name: "p",
    slug: "p",
    keys: [BARE_KEY],
    createdAt: 0,
    settings: structuredClone(DEFAULT_PROJECT_SETTINGS),
  };
  const access = { isKeyGood: true, isSignedIn: true };
  const listeners = new Set<() => void>();
  const identify: NetDeps["auth"]["identify"] = (credentials) => {
    if (credentials.cookie === "in=1") return afterLookUp(access.isSignedIn ? user : { kind: "nobody" });
    const token = credentials.token ?? credentials.authorization?.replace("Bearer ", "");
    return afterLookUp(token === "good" ? reader : { kind: "nobody" });
  };
  const deps = {
    auth: {
      identify,
      isTrustedOrigin: (origin: string | undefined) => origin === undefined || origin === "http://ours",
      onRightsChanged: (listener: () => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    projects: {
      findByKey: (key: string) => afterLookUp(key === BARE_KEY && access.isKeyGood ? project : null),
      noteUse: () => undefined,
    },
    ingest: {
      connect(port: TrackerPort) {
        ports.push(port);
        return {
          receive(envelope: Envelope) {
            seen.push(envelope);
            if (envelope.type === "ack_me") port.send({ type: "ack", data: { tab: "t", upto: 3 } });
            if (envelope.type === "session_start") port.send({ type: "watchers", data: { count: 2 } });
          },
          settled: () => Promise.resolve(),
          closed() {
            counts.trackersClosed++;
          },
        };
      },
      status: () => ({ connections: 0 }),
    },
    live: {
      connect: (port: { send(frame: string): boolean; subscribe(topic: string): void }) => ({
        receive(envelope: Envelope) {
          if (envelope.type === "subscribe") port.subscribe("topic");
          port.send(JSON.stringify({ type: "heard", data: envelope.type }));
        },
        drained() {
          counts.viewerDrained++;
        },
        dropped() {
          counts.viewerDropped++;
        },
        rightsChanged: () => undefined,
        followedProjects: () => new Set(),
        closed: () => undefined,
      }),
      status: () => ({ viewers: 0, feeds: 0, sessions: 0, tailBytes: 0, resyncs: 0 }),
    },
    assist: { connect: () => ({ receive: () => undefined, rightsChanged: () => undefined, closed: () => undefined }) },
    db: { isUp: () => Promise.resolve(true) },
    store: { status: () => ({ state: "ok", pendingBytes: 0, maxPendingBytes: 1, lastCommitMs: 1 }) },
    retention: { status: () => ({ diskGuardClosed: 0, diskFreeBytes: -1, minFreeDiskBytes: 0 }) },
  };
  const wire = createWire();
  // Only the parts of the rooms that net touches.
  const rooms = deps as unknown as Pick<
    NetDeps,
    "assist" | "auth" | "projects" | "ingest" | "live" | "db" | "store" | "retention"
  >;
  const net = createNet(wire, {
    ...rooms,
    routes,
    clock,
    logger: silentLogger,
    metrics: createMetrics(),
    version: "0.0.0",
    publicUrl: "http://localhost",
    root,
    demoKey: () => BARE_KEY,
    trackerPaths: ["/w.js"],
    embedOrigins: (projectId) => Promise.resolve(projectId === 7 ? ["https://crm.example", "https://*.desk.example"] : []),
    limits: { ...WIDE_LIMITS, ...limits },
    trustProxy: false,
  });
  const base = `http://127.0.0.1:${await wire.listen("127.0.0.1", 0)}`;
  return {
    base,
    net,
    wire,
    seen,
    ports,
    counts,
    delays,
    project,
    access,
    changeRights() {
      for (const listener of listeners) listener();
    },
    stop() {
      net.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function writeFiles(root: string): void {
  mkdirSync(join(root, "dist", "viewer", "assets"), { recursive: true });
  mkdirSync(join(root, "dist", "tracker"));
  mkdirSync(join(root, "demo"));
  writeFileSync(join(root, "dist", "viewer", "index.html"), "<!doctype html><title>viewer</title>");
  writeFileSync(join(root, "dist", "viewer", "session.html"), "<!doctype html><title>viewer of a session</title>");
  writeFileSync(join(root, "dist", "viewer", "assets", "app-1a2b.js"), "export const x = 1;\n".repeat(500));
  writeFileSync(join(root, "dist", "tracker", "tracker.js"), "var watchback={};\n".repeat(200));
  writeFileSync(join(root, "demo", "index.html"), '<script src="/tracker.js" data-key="%PROJECT_KEY%"></script>');
  writeFileSync(join(root, "secret.txt"), "secret");
}
