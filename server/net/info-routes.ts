/** What the server says of itself: what it is, whether it is well, and its figures. */

import { PROTOCOL_VERSION } from "../../protocol/version.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Ingest } from "../ingest/ingest.ts";
import type { Live } from "../live/live.ts";
import type { Metrics } from "../metrics.ts";
import type { Retention } from "../retention/retention.ts";
import type { Store } from "../store/store.ts";
import { describeRoutes } from "./openapi.ts";
import type { HttpResponse, Route } from "./route.ts";

/** Anybody may ask for the health, so the database is asked at most once in this time. */
const HEALTH_AGE_MS = 1_000;

export interface InfoDeps {
  version: string;
  publicUrl: string;
  clock: Clock;
  db: Pick<Database, "isUp">;
  store: Pick<Store, "status">;
  ingest: Pick<Ingest, "status">;
  live: Pick<Live, "status">;
  retention: Pick<Retention, "status">;
  metrics: Metrics;
  isDraining: () => boolean;
  /** Every other route, for the API description. */
  routes: readonly Route[];
}

/** Builds the routes. */
export function createInfoRoutes(deps: InfoDeps): Route[] {
  const startedAt = deps.clock.now();
  const uptimeSeconds = () => Math.round((deps.clock.now() - startedAt) / 1_000);
  const askDatabase = atMostEvery(deps.clock, HEALTH_AGE_MS, () => deps.db.isUp());
  addGauges(deps);

  const info: Route = {
    method: "GET",
    path: "/",
    access: "open",
    summary: "What this server is; the viewer for Accept: text/html",
    handle: () => ({
      json: {
        name: "watchback",
        version: deps.version,
        protocolVersion: PROTOCOL_VERSION,
        uptimeSeconds: uptimeSeconds(),
        links: {
          viewer: `${deps.publicUrl}/`,
          demo: `${deps.publicUrl}/demo`,
          tracker: `${deps.publicUrl}/tracker.js`,
          health: `${deps.publicUrl}/health`,
          api: `${deps.publicUrl}/v1/openapi.json`,
          socket: `${deps.publicUrl.replace(/^http/, "ws")}/ws`,
        },
      },
    }),
  };

  const health: Route = {
    method: "GET",
    path: "/health",
    access: "open",
    summary:
      "200 where everything works or will by itself, else 503; with the state of the database, the writer and the live side",
    async handle(): Promise<HttpResponse> {
      const isUp = await askDatabase();
      const { state, pendingBytes, maxPendingBytes, lastCommitMs } = deps.store.status();
      const { viewers, sessions } = deps.live.status();
      const isDraining = deps.isDraining();
      const { diskGuardClosed, diskFreeBytes, minFreeDiskBytes } = deps.retention.status();
      const isFull = diskGuardClosed === 1;
      const isWell = isUp && state !== "down" && !isDraining;
      return {
        status: isWell ? 200 : 503,
        json: {
          status: isDraining ? "draining" : !isWell ? "down" : isFull ? "full" : state === "slow" ? "slow" : "ok",
          database: isUp ? "up" : "down",
          writer: { state, pendingBytes, maxPendingBytes, lastCommitMs: Math.round(lastCommitMs * 10) / 10 },
          live: { sessions, viewers },
          disk: {
            state: isFull ? "full" : diskFreeBytes < 0 ? "unknown" : "ok",
            freeBytes: diskFreeBytes,
            minFreeBytes: minFreeDiskBytes,
          },
          uptimeSeconds: uptimeSeconds(),
        },
      };
    },
  };

  const stats: Route = {
    method: "GET",
    path: "/stats",
    access: "signed-in",
    summary: "Figures of every room as JSON",
    handle: () => ({
      json: {
        uptimeSeconds: uptimeSeconds(),
        memory: memory(),
        ingest: deps.ingest.status(),
        live: deps.live.status(),
        store: deps.store.status(),
        retention: deps.retention.status(),
        net: deps.metrics.snapshot(),
      },
    }),
  };

  const metrics: Route = {
    method: "GET",
    path: "/metrics",
    access: "signed-in",
    summary: "The same as Prometheus text",
    handle: () => ({
      bytes: new TextEncoder().encode(deps.metrics.render()),
      contentType: "text/plain; version=0.0.4; charset=utf-8",
    }),
  };

  const api: Route = {
    method: "GET",
    path: "/v1/openapi.json",
    access: "open",
    summary: "This description",
    handle: () => ({ json: describeRoutes([info, health, stats, metrics, api, ...deps.routes], deps.version) }),
  };

  return [info, health, stats, metrics, api];
}

function memory(): Record<string, number> {
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { rss, heapUsed, external, arrayBuffers };
}

/** The numbers that rooms keep for themselves, by their own names. */
function addGauges({ metrics, ingest, live, store, retention }: InfoDeps): void {
  metrics.gauge("process_resident_memory_bytes", "Memory of this process.", () => process.memoryUsage.rss());
  const rooms: [string, () => object][] = [
    ["ingest", () => ingest.status()],
    ["live", () => live.status()],
    ["store", () => store.status()],
    ["retention", () => retention.status()],
  ];
  for (const [room, read] of rooms) {
    for (const [field, value] of Object.entries(read())) {
      if (typeof value !== "number") continue;
      metrics.gauge(`${room}_${snakeCase(field)}`, `${room}: ${snakeCase(field).replaceAll("_", " ")}.`, () =>
        numberAt(read(), field),
      );
    }
  }
  metrics.gauge("store_up", "1 where the writer gets through.", () => (store.status().state === "down" ? 0 : 1));
}

function numberAt(status: object, field: string): number {
  const value: unknown = Object.entries(status).find(([name]) => name === field)?.[1];
  return typeof value === "number" ? value : 0;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Shares one call and its answer among all who ask within `ageMs`. */
function atMostEvery(clock: Clock, ageMs: number, ask: () => Promise<boolean>): () => Promise<boolean> {
  let askedAt = Number.NEGATIVE_INFINITY;
  let answer: Promise<boolean> = Promise.resolve(false);
  return () => {
    if (clock.now() - askedAt >= ageMs) {
      askedAt = clock.now();
      answer = ask().catch(() => false);
    }
    return answer;
  };
}
