/** The process: configuration -> app -> start; signals. */

import { AppError } from "./app-error.ts";
import { createApp, type Started } from "./app.ts";
import { loadConfig, type Config } from "./config.ts";
import { createEnding } from "./lifecycle.ts";
import { createLog } from "./log.ts";

const say = (text: string) => process.stdout.write(`${text}\n`);

try {
  await run(loadConfig());
} catch (error) {
  process.stderr.write(`${error instanceof AppError ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
  process.exit(1);
}

async function run(config: Config): Promise<void> {
  const consoleLevel = config.LOG_LEVEL === "debug" || config.LOG_LEVEL === "error" ? config.LOG_LEVEL : "warn";
  const log = createLog({ folder: config.LOG_DIR, level: config.LOG_LEVEL, console: consoleLevel });
  const app = createApp({ config, log });
  const release = () => app.stop().then(() => log.close());
  const ending = createEnding(release, { say, exit: (code) => process.exit(code) });

  // SIGHUP: the terminal was closed.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void ending.end(signal, 0));
  process.on("unhandledRejection", (reason) => log.reportUncaught("rejection", reason));
  process.on("uncaughtException", (error) => {
    log.reportUncaught("exception", error);
    void ending.end("A fault that nobody expected", 1);
  });
  // A reader of our output that went away must not take the server with it.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  try {
    const started = await app.start();
    if (!ending.isUnderWay()) greet(started, config);
  } catch (error) {
    if (!ending.isUnderWay()) throw error; // What Ctrl-C broke off is no fault.
  }
}

function greet({ version, publicUrl, firstAdministrator, projectKey, dataDir }: Started, config: Config): void {
  say(`\nWatchback ${version} is ready.\n`);
  say(`  Viewer      ${publicUrl}/`);
  if (firstAdministrator && "setupUrl" in firstAdministrator)
    say(`  First visit ${firstAdministrator.setupUrl}  (makes your account; works once)`);
  else if (firstAdministrator) say(`  Sign in as  ${firstAdministrator.createdEmail}`);
  say(`  Demo page   ${publicUrl}/demo`);
  say(`  Script tag  <script src="${publicUrl}/tracker.js" data-key="${projectKey}" async></script>\n`);
  say(`  Data in ${dataDir ?? "the database of the configuration"}, logs in ${config.LOG_DIR}. Ctrl-C stops.\n`);
}
