/** The door of retention: what is kept, and how it is forgotten: by age, by size, and because somebody asked for it. */

import { actorOf, type AuditActor, type AuditTrail } from "../audit-trail.ts";
import { requireRole } from "../auth/auth.ts";
import type { Clock } from "../clock.ts";
import type { ConnectionOptions } from "../db/connection.ts";
import type { Database } from "../db/db.ts";
import { readId } from "../http-input.ts";
import type { Logger } from "../log.ts";
import type { Route } from "../net/route.ts";
import { storedBytes } from "./budget.ts";
import { cleanUp, type CleanUpReport } from "./clean-up.ts";
import { createDiskGuard, type DiskGuardDeps } from "./disk-guard.ts";
import { createEraser, type Eraseman, type SessionHolder } from "./eraser.ts";
import { HAS_ERRORS } from "./error-rows.ts";
import { createForgetRoutes } from "./forget-routes.ts";
import type { RetentionDefaults } from "./rules.ts";
import { createScrubber } from "./scrubber.ts";
import type { Erased } from "./session-rows.ts";
import { readProjectStorage, readTableDays } from "./storage-report.ts";

export type { CleanUpReport } from "./clean-up.ts";
export type { SessionHolder } from "./eraser.ts";

/** For `/health`, `/stats` and the metrics; -1 where something is not known. */
export interface RetentionStatus {
  /** 1 while the disk is nearly full and no payload is taken. */
  diskGuardClosed: number;
  diskFreeBytes: number;
  diskTotalBytes: number;
  minFreeDiskBytes: number;
  budgetBytes: number;
  /** As the last clean-up left it. */
  storedBytes: number;
  overBudgetBytes: number;
  /** Since the start of the process. */
  removedSessions: number;
  removedBytes: number;
  freedBytes: number;
  cleanUps: number;
  postponedDays: number;
  longestDropMs: number;
}

/** What the other rooms ask of retention. */
export interface Retention {
  /** Removes what need not stay. Calls of the same moment share one run. */
  cleanUp(actor?: AuditActor): Promise<CleanUpReport>;
  /** Erases sessions of a project for good. */
  eraseSessions(projectId: number, sessionIds: readonly string[], by: Eraseman): Promise<Erased>;
  /** Resolves when no file of the database holds what was removed, as far as that can be done while it is in use. */
  scrubbed(): Promise<void>;
  /** Time to wait before payloads may be taken again, or null where they are taken. */
  waitMs(): number | null;
  status(): RetentionStatus;
  /** Cleans up now and then every `intervalMs`; never where that is 0. */
  start(): Promise<void>;
  stop(): Promise<void>;
  routes: readonly Route[];
}

/** What the room is built from. */
export interface RetentionDeps extends RetentionDefaults {
  db: Database;
  /** The same server and database, for work that needs a connection of its own. */
  connection: ConnectionOptions;
  clock: Clock;
  log: Logger;
  audit: AuditTrail;
  holder: SessionHolder;
  /** `AUTO_CLEANUP_INTERVAL_MINUTES`, in ms. */
  intervalMs: number;
  /** `STORAGE_BUDGET_GB` in bytes; null for none. */
  budgetBytes: number | null;
  /** Of the embedded Postgres and its disk; `folder` is null for a Postgres elsewhere. */
  disk: Pick<DiskGuardDeps, "folder" | "minFreeBytes" | "readSpace">;
}

/** A day that was in use is tried again after this time, or at the next interval if that comes first. */
const POSTPONED_RETRY_MS = 5 * 60_000;

/** Builds the room. */
export function createRetention(deps: RetentionDeps): Retention {
  const { db, clock, log, audit, holder } = deps;
  const counts = { stored: -1, over: 0, sessions: 0, bytes: 0, freed: 0, runs: 0, postponed: 0, dropMs: 0 };
  let running: Promise<CleanUpReport> | null = null;
  let stopTimer: (() => void) | null = null;
  let cancelRetry: (() => void) | null = null;
  const scrubber = createScrubber({ db, connection: deps.connection, clock, log, isEmbedded: deps.disk.folder !== null });
  const eraser = createEraser({ db, clock, log, audit, holder, onErased: () => scrubber.soon() });
  const guard = createDiskGuard({ clock, log, ...deps.disk, onClosed: () => void makeRoom() });

  async function run(actor: AuditActor): Promise<CleanUpReport> {
    for (const { id } of await db.query<{ id: number }>(
      `SELECT id FROM projects p WHERE removed_at IS NOT NULL
         AND (EXISTS (SELECT FROM sessions s WHERE s.project_id = p.id) OR ${HAS_ERRORS})`,
    )) {
      log.info("what was left of a removed project was erased", { projectId: id, ...(await eraser.eraseProject(id)) });
    }
    const report = await cleanUp(db, { ...deps, now: clock.now() });
    counts.stored = await storedBytes(db);
    counts.over = report.overBudgetBytes;
    counts.sessions += report.sessions;
    counts.bytes += report.bytes;
    counts.freed += report.freedBytes;
    counts.runs++;
    counts.postponed = report.postponed.length;
    counts.dropMs = Math.max(counts.dropMs, report.longestDropMs);
    if (report.days.length > 0 || report.sessions > 0 || report.errors > 0 || report.postponed.length > 0) {
      log.info("old sessions removed", { ...report });
      await audit.record({ action: "retention_run", actor, data: { ...report } });
    }
    if (report.overBudgetBytes > 0) {
      log.warn("more is stored than the budget allows, and what is left may not be removed", { bytes: report.overBudgetBytes });
    }
    scrubber.soon();
    return report;
  }

  function start(actor: AuditActor = "system"): Promise<CleanUpReport> {
    running ??= run(actor).finally(() => (running = null));
    return running;
  }

  /** The log first: that frees the most, and a clean-up writes into it. */
  async function makeRoom(): Promise<void> {
    await scrubber.trim();
    cleanUpByItself();
  }

  function cleanUpByItself(): void {
    cancelRetry?.();
    cancelRetry = null;
    start().then(retryPostponed, (error: unknown) => {
      log.warn("old sessions could not be removed", { error: error instanceof Error ? error.message : String(error) });
    });
  }

  function retryPostponed({ postponed }: CleanUpReport): void {
    if (postponed.length > 0 && stopTimer) cancelRetry = clock.after(POSTPONED_RETRY_MS, cleanUpByItself);
  }

  function status(): RetentionStatus {
    const { isClosed, freeBytes, totalBytes, minFreeBytes } = guard.state();
    return {
      diskGuardClosed: isClosed ? 1 : 0,
      diskFreeBytes: freeBytes ?? -1,
      diskTotalBytes: totalBytes ?? -1,
      minFreeDiskBytes: minFreeBytes,
      budgetBytes: deps.budgetBytes ?? -1,
      storedBytes: counts.stored,
      overBudgetBytes: counts.over,
      removedSessions: counts.sessions,
      removedBytes: counts.bytes,
      freedBytes: counts.freed,
      cleanUps: counts.runs,
      postponedDays: counts.postponed,
      longestDropMs: counts.dropMs,
    };
  }

  const storageRoutes: readonly Route[] = [
    {
      method: "DELETE",
      path: "/sessions/cleanup",
      access: "admin",
      summary: "Removes now what need not stay; reports what went, and the bytes that this freed",
      handle: async ({ identity }) => ({ json: await start(actorOf(identity)) }),
    },
    {
      method: "GET",
      path: "/v1/storage",
      access: "admin",
      summary: "What is stored by project and by day, the budget, the disk and its guard",
      handle: async () => {
        const [projects, tables, bytes] = [await readProjectStorage(db, null), await readTableDays(db), await storedBytes(db)];
        const { isClosed, freeBytes, totalBytes, minFreeBytes } = guard.state();
        return {
          json: {
            projects,
            tables,
            bytes,
            budgetBytes: deps.budgetBytes,
            diskFreeBytes: freeBytes,
            diskTotalBytes: totalBytes,
            minFreeBytes,
            guard: isClosed ? "closed" : freeBytes === null ? "unknown" : "open",
            scrub: scrubber.status(),
          },
        };
      },
    },
    {
      method: "GET",
      path: "/v1/projects/:id/storage",
      access: "signed-in",
      role: "viewer",
      summary: "What a project has stored by day, and its budget",
      handle: async ({ params, identity }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "viewer");
        const [found] = await readProjectStorage(db, [projectId]);
        return { json: found ?? { projectId, bytes: 0, sessions: 0, pinnedSessions: 0, budgetBytes: null, days: [] } };
      },
    },
  ];

  return {
    cleanUp: start,
    eraseSessions: (projectId, sessionIds, by) => eraser.eraseSessions(projectId, sessionIds, by),
    scrubbed: () => scrubber.done(),
    waitMs: () => guard.waitMs(),
    status,
    async start() {
      eraser.start();
      scrubber.start();
      await guard.start();
      if (deps.intervalMs === 0 || stopTimer) return;
      stopTimer = clock.every(deps.intervalMs, cleanUpByItself);
      cleanUpByItself();
    },
    async stop() {
      stopTimer?.();
      stopTimer = null;
      cancelRetry?.();
      guard.stop();
      await running?.catch(() => undefined);
      await eraser.stop();
      await scrubber.stop();
    },
    routes: [...createForgetRoutes({ db, clock, audit, eraser }), ...storageRoutes],
  };
}
