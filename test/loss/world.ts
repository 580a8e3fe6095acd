/** The system under test: a Postgres of its own, our server as a process that is killed and started again, and proxies before it. */

import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { startWatchback, type Watchback } from "../../bench/rig.ts";
import { toConnectionString, withClient, withDatabase, type ConnectionOptions } from "../../server/db/connection.ts";
import { migrate } from "../../server/db/migrate.ts";
import { quietLog, startCluster, type TestCluster } from "../harness/postgres.ts";
import { FaultProxy } from "./fault-proxy.ts";

/** Memory that the server must never pass (LOS-6). */
const MAX_RSS_BYTES = 400 * 1024 * 1024;
const WATCH_MS = 100;
/** A server that does not start is tried again for this long. */
const START_MS = 30_000;

/** A Postgres for many runs; each run gets a database in it. */
export type LossCluster = TestCluster;
export const startLossCluster = (): Promise<LossCluster> => startCluster();

export interface WorldOptions {
  cluster: LossCluster;
  /** The server's script. */
  script: string;
  /** Statement for the migrated database before the server starts. */
  sql: string | null;
  report: (breach: string) => void;
}

/** One run's server, database and proxies. */
export class World {
  readonly trackerProxy: FaultProxy;
  readonly viewerProxy: FaultProxy;
  readonly connection: ConnectionOptions;
  readonly token: string;
  /** Keys of two tenants. */
  readonly keys: readonly [string, string];
  readonly projectIds: readonly [number, number];
  readonly folder: string;
  private readonly options: WorldOptions;
  private readonly env: Readonly<Record<string, string>>;
  private server: Watchback;
  private isExpectedToEnd = false;
  private restarting: Promise<void> = Promise.resolve();
  private watch: NodeJS.Timeout;
  peakBytes = 0;
  restarts = 0;

  private constructor(
    options: WorldOptions,
    made: Pick<World, "trackerProxy" | "viewerProxy" | "connection" | "token" | "keys" | "projectIds" | "folder"> & {
      server: Watchback;
      env: Readonly<Record<string, string>>;
    },
  ) {
    this.options = options;
    this.trackerProxy = made.trackerProxy;
    this.viewerProxy = made.viewerProxy;
    this.connection = made.connection;
    this.token = made.token;
    this.keys = made.keys;
    this.projectIds = made.projectIds;
    this.folder = made.folder;
    this.server = made.server;
    this.env = made.env;
    this.guard(made.server);
    this.watch = setInterval(() => this.lookAtMemory(), WATCH_MS);
  }

  static async create(options: WorldOptions): Promise<World> {
    const folder = mkdtempSync(path.join(tmpdir(), "wb-loss-"));
    const name = `loss_${randomBytes(5).toString("hex")}`;
    await withClient(options.cluster.connection, (client) => client.query(`CREATE DATABASE ${name}`));
    const connection = withDatabase(options.cluster.connection, name);
    await migrate(connection, quietLog);
    const { sql } = options;
    if (sql !== null) await withClient(connection, (client) => client.query(sql));
    const key = randomBytes(16).toString("hex");
    const env = { DEFAULT_PROJECT_KEY: key, LOG_LEVEL: "info", DRAIN_TIMEOUT_SECONDS: "5" };
    const server = await startWatchback(connection, folder, env, options.script);
    const otherKey = randomBytes(16).toString("hex");
    const projectIds = await withClient(connection, async (client) => {
      await client.query("INSERT INTO projects (name, slug) VALUES ('Other', 'other')");
      await client.query("INSERT INTO project_keys (key, project_id) SELECT $1, id FROM projects WHERE slug = 'other'", [
        otherKey,
      ]);
      const found = await client.query<{ key: string; project_id: number }>("SELECT key, project_id FROM project_keys");
      const idOf = (wanted: string) => found.rows.find((row) => row.key === wanted)?.project_id ?? 0;
      return [idOf(key), idOf(otherKey)] as const;
    });
    return new World(options, {
      trackerProxy: await FaultProxy.open(server.port),
      viewerProxy: await FaultProxy.open(server.port),
      connection,
      token: await server.createToken(),
      keys: [key, otherKey],
      projectIds,
      folder,
      server,
      env,
    });
  }

  trackerUrl(tenant: 0 | 1): URL {
    return new URL(`ws://127.0.0.1:${this.trackerProxy.port}/ws?type=tracker&key=${this.keys[tenant]}`);
  }

  ingestUrl(tenant: 0 | 1): URL {
    return new URL(`http://127.0.0.1:${this.trackerProxy.port}/v1/ingest?key=${this.keys[tenant]}`);
  }

  viewerUrl(): URL {
    return new URL(`ws://127.0.0.1:${this.viewerProxy.port}/ws?type=viewer&token=${this.token}`);
  }

  /** kill -9, then a new process on another port behind the same proxies. */
  killServer(): Promise<void> {
    return this.replaceServer(() => this.server.kill());
  }

  /** SIGTERM: the old process finishes what it holds before the new one starts. */
  drainServer(): Promise<void> {
    return this.replaceServer(() => this.server.stop());
  }

  async crashPostgres(downMs: number): Promise<void> {
    await this.options.cluster.stop("immediate");
    await new Promise((resolve) => setTimeout(resolve, downMs));
    await this.options.cluster.start();
  }

  async restartPostgres(): Promise<void> {
    await this.options.cluster.stop("fast");
    await this.options.cluster.start();
  }

  async terminateBackends(): Promise<void> {
    const sql =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    await withClient(this.connection, (client) => client.query(sql)).catch(() => undefined);
  }

  async lockTable(ms: number): Promise<void> {
    await withClient(this.connection, async (client) => {
      await client.query("BEGIN; LOCK TABLE session_events IN EXCLUSIVE MODE");
      await new Promise((resolve) => setTimeout(resolve, ms));
      await client.query("COMMIT");
    }).catch(() => undefined); // another fault may end it, which is as good
  }

  /** Stops the server in good order, and reports what its logs say of faults that nobody caught (LOS-7). */
  async close(): Promise<void> {
    clearInterval(this.watch);
    await this.restarting.catch(() => undefined);
    this.isExpectedToEnd = true;
    await this.server.stop();
    await Promise.all([this.trackerProxy.close(), this.viewerProxy.close()]);
    const logs = path.join(this.folder, "logs");
    for (const name of existsSync(logs) ? readdirSync(logs) : []) {
      if (!/^(exceptions|rejections)-/.test(name)) continue;
      const told = readFileSync(path.join(logs, name), "utf8").trim();
      if (told !== "") this.options.report(`LOS-7 ${name}: ${told.slice(0, 2_000)}`);
    }
    const database = this.connection;
    if ("database" in database) {
      const sql = `DROP DATABASE IF EXISTS ${database.database} WITH (FORCE)`;
      await withClient(this.options.cluster.connection, (client) => client.query(sql));
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  get url(): string {
    return toConnectionString(this.connection);
  }

  /** One replacement at a time; each waits for the one before. */
  private replaceServer(end: () => Promise<void>): Promise<void> {
    const next = this.restarting.then(async () => {
      this.isExpectedToEnd = true;
      await end();
      this.server = await this.startAgain();
      this.trackerProxy.target = this.viewerProxy.target = this.server.port;
      this.isExpectedToEnd = false;
      this.restarts++;
      this.guard(this.server);
    });
    this.restarting = next.catch(() => undefined);
    return next;
  }

  /** As a supervisor does: again and again, because Postgres may be away as well. */
  private async startAgain(): Promise<Watchback> {
    for (const deadline = Date.now() + START_MS; ;) {
      try {
        return await startWatchback(this.connection, this.folder, this.env, this.options.script);
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  private guard(server: Watchback): void {
    void server.ended.then(() => {
      if (this.server === server && !this.isExpectedToEnd) {
        this.options.report(`LOS-7 the server ended by itself:\n${server.output().slice(-3_000)}`);
      }
    });
  }

  private lookAtMemory(): void {
    const bytes = this.server.rssBytes();
    if (bytes > MAX_RSS_BYTES && this.peakBytes <= MAX_RSS_BYTES) this.options.report(`LOS-6 the server holds ${bytes} bytes`);
    if (bytes > this.peakBytes) this.peakBytes = bytes;
  }
}
