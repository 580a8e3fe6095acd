/**
 * The server process: started, watched, stopped. States: starting -> ready -> stopping -> stopped; a server that ends by itself while
 * ready goes back to starting, after a moment.
 */

import { type ChildProcess } from "node:child_process";
import { type Server, Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../app-error.ts";
import type { Logger } from "../log.ts";
import { type ConnectionOptions, withClient, withDatabase } from "./connection.ts";
import { EMBEDDED_NAME, lastLines } from "./embedded-files.ts";
import { readPostmasterFile } from "./embedded-lock.ts";
import { type StopMode, signal, stopProcess } from "./embedded-process.ts";
import type { Runner } from "./embedded-runner.ts";
import { type PostgresSettings, embeddedSettings, settingArgs } from "./embedded-settings.ts";

const RESTART_DELAY_MS = 1_000;

/** One server process over a data folder that this Watchback holds. */
export class Cluster {
  readonly connection: ConnectionOptions;
  readonly dataDir: string;
  private readonly runner: Runner;
  private readonly claim: Server;
  private readonly log: Logger;
  private readonly args: string[];
  private child: ChildProcess | null = null;
  private isStopping = false;
  private readonly stopAtExit = (): void => {
    if (this.child?.pid !== undefined) signal(this.child.pid, "SIGINT");
  };

  constructor(
    runner: Runner,
    dataDir: string,
    runDir: string,
    claim: Server,
    options: { log: Logger; settings?: PostgresSettings },
  ) {
    this.runner = runner;
    this.dataDir = dataDir;
    this.claim = claim;
    this.log = options.log;
    this.args = ["-D", dataDir, "-p", "5432", ...settingArgs({ ...embeddedSettings(runDir), ...options.settings })];
    this.connection = { host: runDir, port: 5432, database: EMBEDDED_NAME, user: EMBEDDED_NAME };
  }

  pid(): number | null {
    return this.child?.pid ?? null;
  }

  async start(): Promise<void> {
    process.once("exit", this.stopAtExit);
    await this.launch();
    await this.makeDatabase();
  }

  async stop(mode: StopMode = "fast"): Promise<void> {
    this.isStopping = true;
    process.removeListener("exit", this.stopAtExit);
    const child = this.child;
    if (child?.pid !== undefined) await stopProcess(child.pid, mode, () => this.child !== child);
    this.claim.close();
  }

  /** Starts the server process and resolves when it is ready; recovery after a crash may take its time. */
  private async launch(): Promise<void> {
    // A process group of its own: Ctrl-C in a terminal reaches us alone, and we drain before we stop it.
    const child = this.runner.spawn("postgres", this.args, {
      cwd: this.dataDir,
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.child = child;
    const told: string[] = [];
    const life = { hasEnded: false, end: "" };
    const ended = (why: string) => {
      if (life.hasEnded) return;
      life.hasEnded = true;
      life.end = why;
      this.child = null;
    };
    child.once("error", (error) => {
      ended(error.message);
    });
    child.once("exit", (status, by) => {
      ended(String(status ?? by));
    });
    if (child.stderr) {
      createInterface({ input: child.stderr }).on("line", (line) => {
        told.push(line);
        if (told.length > 20) told.shift();
        this.report(line);
      });
      // Neither the process nor its pipe keeps ours alive.
      if (child.stderr instanceof Socket) child.stderr.unref();
    }
    child.unref();
    while (!life.hasEnded && !this.isReady(child)) await sleep(20);
    if (life.hasEnded) {
      throw new AppError("config", `The embedded Postgres does not start (${life.end}): ${lastLines(told.join("\n"))}`);
    }
    child.once("exit", () => {
      if (!this.isStopping) void this.relaunch();
    });
  }

  private isReady(child: ChildProcess): boolean {
    const file = readPostmasterFile(this.dataDir);
    return file !== null && file.pid === child.pid && file.ready;
  }

  private async relaunch(): Promise<void> {
    this.log.error("the embedded Postgres ended by itself; starting it again");
    for (;;) {
      await sleep(RESTART_DELAY_MS);
      if (this.isStopping) return;
      try {
        await this.launch();
        return;
      } catch (error) {
        this.log.error("the embedded Postgres does not start again", { error: String(error) });
      }
    }
  }

  private async makeDatabase(): Promise<void> {
    await withClient(withDatabase(this.connection, "postgres"), async (client) => {
      const found = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [EMBEDDED_NAME]);
      if (found.rowCount === 0) await client.query(`CREATE DATABASE ${EMBEDDED_NAME}`);
    });
  }

  private report(line: string): void {
    if (line.startsWith("FATAL") || line.startsWith("WARNING")) this.log.warn("embedded Postgres", { line });
    else if (line.startsWith("PANIC")) this.log.error("embedded Postgres", { line });
    else this.log.debug("embedded Postgres", { line });
  }
}
