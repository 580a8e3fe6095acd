/** `npm run migrate`: applies the migrations alone, to the database that the configuration names, or to the embedded one. */

import path from "node:path";
import { toAppError } from "../server/app-error.ts";
import { databaseUrlOf, parseConfig, readEnvironment } from "../server/config.ts";
import { startEmbeddedPostgres } from "../server/db/embedded.ts";
import { migrate } from "../server/db/migrate.ts";
import type { Logger } from "../server/log.ts";

const log: Logger = {
  debug: () => undefined,
  info: (message, fields) => {
    console.log(message, fields ?? "");
  },
  warn: (message, fields) => {
    console.warn(message, fields ?? "");
  },
  error: (message, fields) => {
    console.error(message, fields ?? "");
  },
};

try {
  const config = parseConfig(readEnvironment());
  const url = databaseUrlOf(config);
  const embedded = url === null ? await startEmbeddedPostgres({ dataDir: path.resolve(config.DATA_DIR), log }) : null;
  try {
    const applied = await migrate(embedded?.connection ?? { connectionString: url ?? "" }, log);
    console.log(applied.length === 0 ? "The database is up to date." : `Applied: ${applied.join(", ")}`);
  } finally {
    await embedded?.stop();
  }
} catch (error) {
  const failure = toAppError(error);
  console.error(failure.kind === "bug" ? error : failure.message);
  process.exitCode = 1;
}
