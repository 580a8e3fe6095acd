/**
 * The composition root: builds the rooms in order, ties the knots where data flows against the imports, and owns start, drain and stop.
 *
 * Drain: nothing new is taken -> what was taken is written and acknowledged -> sockets end with 1012 -> feeds, then the database.
 */

import { join } from "node:path";
import { DEFAULT_TRACKER_LIMITS } from "../protocol/limits.ts";
import { createAlerts } from "./alerts/alerts.ts";
import type { AppOptions, Started } from "./app-options.ts";
import { chromiumOf, iceOf, mailOf, netLimitsOf, quotasOf } from "./app-settings.ts";
import { type AssistDeps, createAssist } from "./assist/assist.ts";
import { createAudit } from "./audit/audit.ts";
import { createAuth } from "./auth/auth.ts";
import { ensureSecret } from "./auth/secret.ts";
import { systemClock } from "./clock.ts";
import { connectDatabase } from "./connect-database.ts";
import { createDatabase } from "./db/pool.ts";
import { createDigest, type Digest } from "./digest/digest.ts";
import { createErrors, type Errors } from "./errors/errors.ts";
import { createExports } from "./exports/exports.ts";
import { createFriction } from "./friction/friction.ts";
import { createIngest, type Ingest } from "./ingest/ingest.ts";
import { createIssues } from "./issues/issues.ts";
import { createJobs } from "./jobs/jobs.ts";
import { createLifecycle } from "./lifecycle.ts";
import { createLive, type Live } from "./live/live.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createNet, type Net } from "./net/net.ts";
import { createWire } from "./net/wire.ts";
import { createPrivacy } from "./privacy/privacy.ts";
import { createProjects } from "./projects/projects.ts";
import { createReplay } from "./replay/replay.ts";
import { createReplays } from "./replays/replays.ts";
import { createRetention } from "./retention/retention.ts";
import { findRoot, readVersion } from "./root.ts";
import { createSourceMaps } from "./sourcemaps/sourcemaps.ts";
import { createSearch } from "./search/search.ts";
import { createSharing } from "./sharing/sharing.ts";
import { createStore, type Store } from "./store/store.ts";

export type { AppOptions, Around, Started } from "./app-options.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** A Watchback. States: `new` -> `starting` -> `running` -> `stopping` -> `stopped`. */
export interface App {
  /**
   * Starts everything; what was started is released again where a later step fails.
   * @throws AppError `config` with a message for people
   */
  start(): Promise<Started>;
  /** Drains and stops; later calls wait for the first. */
  stop(): Promise<void>;
  metrics: Metrics;
}

/** Builds an app that has not started anything yet. */
export function createApp(options: AppOptions): App {
  const lifecycle = createLifecycle(options.log.child("app"));
  const metrics = createMetrics();
  let starting: Promise<Started> | null = null;
  const begin = async () => {
    try {
      return await startRooms(options, lifecycle, metrics);
    } catch (error) {
      await lifecycle.stop();
      throw error;
    }
  };
  return {
    metrics,
    start: () => (starting ??= begin()),
    async stop() {
      // A stop in the middle of a start would leave behind what comes up after it.
      await starting?.catch(() => undefined);
      await lifecycle.stop();
    },
  };
}

async function startRooms(
  options: AppOptions,
  lifecycle: ReturnType<typeof createLifecycle>,
  metrics: Metrics,
): Promise<Started> {
  const { config, log } = options;
  const clock = options.clock ?? systemClock;
  const root = findRoot();
  const version = readVersion(root);

  const wire = createWire();
  lifecycle.onStop("port", () => wire.close());
  const port = await wire.listen(config.HOST, config.PORT);
  const publicUrl = config.PUBLIC_URL === "" ? `http://localhost:${port}` : config.PUBLIC_URL;

  const { connection, dataDir } = await connectDatabase(config, log, lifecycle);
  const db = createDatabase({ connection, log: log.child("db") });
  lifecycle.onStop("database pool", () => db.stop());

  const secret = await ensureSecret(db, "session_secret", config.SESSION_SECRET_KEY);
  const cleanUpMs = config.AUTO_CLEANUP_INTERVAL_MINUTES * 60_000;
  const audit = createAudit({ db, clock, log: log.child("audit") });
  audit.start(cleanUpMs);
  lifecycle.onStop("audit", () => audit.stop());
  const auth = createAuth({
    db,
    clock,
    log: log.child("auth"),
    audit,
    publicUrl,
    allowedOrigins: config.ALLOWED_ORIGINS,
    createSuperuser: config.CREATE_SUPERUSER,
  });
  const projects = createProjects({
    db,
    clock,
    log: log.child("projects"),
    audit,
    defaultProjectKey: config.DEFAULT_PROJECT_KEY,
    onAccessChanged: () => auth.rightsChanged(),
  });
  auth.onRightsChanged(() => {
    projects.forget();
  });
  const project = await projects.prepareFirstProject();
  const projectKey = project.keys.find((key) => key === config.DEFAULT_PROJECT_KEY) ?? project.keys[0] ?? "";
  const firstAdministrator = await auth.prepareFirstAdministrator();
  auth.start();
  lifecycle.onStop("auth", () => auth.stop());
  projects.start();
  lifecycle.onStop("projects", () => projects.stop());

  const jobs = createJobs({ db, connection, clock, log: log.child("jobs"), metrics });
  const sourcemaps = createSourceMaps({
    db,
    clock,
    log: log.child("sourcemaps"),
    audit,
    jobs,
    publicUrl,
    retentionDays: config.SOURCE_MAP_DAYS,
    maxProjectBytes: config.SOURCE_MAP_MB * MIB,
    metrics,
  });
  lifecycle.onStop("source maps", () => sourcemaps.stop());

  const privacy = createPrivacy({ db, clock, log: log.child("privacy"), audit, metrics });
  lifecycle.onStop("privacy", () => privacy.stop());

  // Rooms that need one another: the lower one is built first and reaches the upper one through `knot`, once everything is there.
  const knot: { digest?: Digest; errors?: Errors; ingest?: Ingest; live?: Live; net?: Net; store?: Store } = {};
  const replay = createReplay({
    db,
    live: { activeSessions: (projectIds) => knot.live?.activeSessions(projectIds) ?? [] },
    views: audit,
  });
  const retention = createRetention({
    db,
    connection,
    clock,
    log: log.child("retention"),
    audit,
    holder: {
      async letGo(sessionIds) {
        knot.ingest?.erase(sessionIds);
        await knot.store?.forget(new Set(sessionIds));
      },
      openSessionsOf: (projectId, userId) => knot.ingest?.openSessionsOf(projectId, userId) ?? [],
      settleErrors: async () => knot.errors?.settled(),
    },
    retentionDays: config.RETENTION_DAYS,
    errorRetentionDays: config.ERROR_RETENTION_DAYS,
    intervalMs: cleanUpMs,
    budgetBytes: config.STORAGE_BUDGET_GB === 0 ? null : config.STORAGE_BUDGET_GB * GIB,
    disk: { folder: dataDir, minFreeBytes: config.MIN_FREE_DISK_MB * MIB },
  });
  lifecycle.onStop("retention", () => retention.stop());
  const search = createSearch({ db, clock, log: log.child("search"), eraser: retention });
  lifecycle.onStop("search", () => search.stop());
  const live = createLive({
    publisher: wire.publisher,
    history: replay.history,
    events: replay.events,
    requests: {
      requestCheckout: (sessionId, tab) => knot.ingest?.requestCheckout(sessionId, tab),
      watchersChanged: (sessionId, count) => knot.ingest?.watchersChanged(sessionId, count),
    },
    views: audit,
    clock,
    log: log.child("live"),
    maxTailBytes: config.MAX_TAIL_MB * MIB,
  });
  knot.live = live;
  const store = createStore({
    db,
    connection,
    clock,
    log: log.child("store"),
    events: {
      onDurable: (batches) => knot.ingest?.onDurable(batches),
      onRefused: (batch, reason) => knot.ingest?.onRefused(batch, reason),
      onStateChange: (state) => knot.ingest?.onStateChange(state),
    },
    maxPendingBytes: config.MAX_BUFFER_MB * MIB,
    maxBatchesPerCommit: config.BATCH_SIZE,
    gatherMs: config.BATCH_INTERVAL,
  });
  const pages: AssistDeps["pages"] = {
    helpedSession: (sessionId) => knot.ingest?.helpedSession(sessionId) ?? null,
    tellPage: (sessionId, tab, message) => knot.ingest?.tellPage(sessionId, tab, message) ?? false,
  };
  const assist = createAssist({ pages, audit, clock, log: log.child("assist"), metrics, ice: iceOf(config) });
  const ingest = createIngest({
    live,
    store,
    clock,
    log: log.child("ingest"),
    secret,
    limits: {
      ...DEFAULT_TRACKER_LIMITS,
      maxEventsPerSession: config.MAX_EVENTS_PER_SESSION,
      sessionIdleMs: config.SESSION_IDLE_MINUTES * 60_000,
    },
    cleanupIntervalMs: config.SESSION_CLEANUP_INTERVAL * 1_000,
    redaction: privacy.redaction,
    helpDesk: assist,
    waitMs: () => retention.waitMs(),
  });
  knot.ingest = ingest;
  knot.store = store;

  const replays = createReplays({ db, jobs, clock, log: log.child("replays"), redaction: privacy.redaction });
  const errors = await createErrors({
    db,
    clock,
    log: log.child("errors"),
    metrics,
    projects,
    spoolFolder: join(config.DATA_DIR, "spool"),
    maxSpoolBytes: config.SPOOL_MAX_MB * MIB,
    quotas: quotasOf(config),
    onStored: () => {
      knot.digest?.wake();
      replays.wake();
    },
  });
  lifecycle.onStop("errors", () => errors.stop());
  errors.start();
  knot.errors = errors;

  live.start();
  lifecycle.onStop("live", () => live.stop());
  lifecycle.onStop("sockets", async () => {
    await knot.net?.closeSockets();
    knot.net?.stop();
  });
  await store.start();
  const drainMs = config.DRAIN_TIMEOUT_SECONDS * 1_000;
  const drainStore = async () => {
    const givenUp = await store.drain(drainMs);
    // Nothing of these was acknowledged: their trackers keep them and send them again.
    if (givenUp > 0) log.child("app").warn("batches were not written before the stop", { givenUp });
  };
  lifecycle.onStop("store", drainStore, drainMs + 2_000);
  await retention.start();
  // Before anything is taken in: what a project wants to have taken out is known by then.
  await privacy.start();
  ingest.start();
  search.start();
  lifecycle.onStop("ingest", () => ingest.drain());

  const alerts = createAlerts({
    db,
    clock,
    log: log.child("alerts"),
    audit,
    jobs,
    publicUrl,
    mail: mailOf(config),
    allowPrivate: config.ALERT_ALLOW_PRIVATE,
  });
  alerts.start(cleanUpMs);
  lifecycle.onStop("alerts", () => {
    alerts.stop();
  });
  const issues = createIssues({ db, clock });
  const digest = createDigest({
    db,
    clock,
    log: log.child("digest"),
    metrics,
    audit,
    jobs,
    redaction: privacy.redaction,
    sourcemaps,
    issues: {
      // In one transaction: no word is lost, and none goes out for what was rolled back.
      async write(tx, digested) {
        const news = await issues.write(tx, digested);
        await alerts.note(tx, news);
        return news;
      },
    },
    onNews: () => undefined,
  });
  knot.digest = digest;

  const exports = createExports({
    db,
    clock,
    log: log.child("exports"),
    audit,
    sessions: replay.opened,
    redaction: privacy.redaction,
    root,
    chromium: chromiumOf(config),
    maxEvents: config.MAX_EVENTS_PER_SESSION,
    waitMs: () => retention.waitMs(),
  });
  lifecycle.onStop("exports", () => exports.stop());

  const sharing = createSharing({ db, clock, audit, shown: replay.shown, live, privacy, secret, publicUrl });
  // Before net waits for the answers that are on their way: those to guests have no end of their own.
  lifecycle.onStop("sharing", () => sharing.stop());

  // Every room has said by now what kinds of jobs it does.
  await jobs.start();
  lifecycle.onStop("jobs", () => jobs.stop());
  digest.start();
  lifecycle.onStop("digest", () => digest.stop());
  replays.start();
  lifecycle.onStop("replays", () => replays.stop());
  sourcemaps.start();

  const { around } = options;
  const routes = [
    ...errors.routes,
    ...auth.routes,
    ...audit.routes,
    ...projects.routes,
    ...replay.routes,
    ...exports.routes,
    ...search.routes,
    ...createFriction({ db }).routes,
    ...privacy.routes,
    ...retention.routes,
    ...sourcemaps.routes,
    ...issues.routes,
    ...alerts.routes,
    ...digest.routes,
    ...sharing.routes,
  ];
  knot.net = createNet(wire, {
    ingest,
    assist,
    live: around?.live?.(live) ?? live,
    auth,
    projects,
    db,
    store,
    retention,
    routes: around?.routes?.(routes) ?? routes,
    clock,
    logger: log.child("net"),
    metrics,
    version,
    publicUrl,
    root,
    demoKey: () => projectKey,
    trackerPaths: config.TRACKER_PATHS,
    embedOrigins: (projectId) => sharing.embedOrigins(projectId),
    limits: netLimitsOf(config),
    trustProxy: config.TRUST_PROXY,
  });
  lifecycle.onStop("new connections", () => knot.net?.refuseNew());
  log.child("app").info("started", { version, port, dataDir });
  return { version, port, publicUrl, projectKey, firstAdministrator, dataDir };
}
