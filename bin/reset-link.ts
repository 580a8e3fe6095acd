/**
 * `node bin/run.mjs bin/reset-link.ts EMAIL`: prints a link to a new password, for an installation whose administrators have all lost
 * theirs. With the embedded Postgres the server has to be stopped for that moment.
 */

import path from "node:path";
import { createAudit } from "../server/audit/audit.ts";
import { AppError, toAppError } from "../server/app-error.ts";
import { makeRecoveryLink } from "../server/auth/recovery.ts";
import { systemClock } from "../server/clock.ts";
import { databaseUrlOf, loadConfig } from "../server/config.ts";
import { startEmbeddedPostgres } from "../server/db/embedded.ts";
import { createDatabase } from "../server/db/pool.ts";
import { silentLogger as log } from "../server/log.ts";

try {
  const email = process.argv[2] ?? "";
  if (!email.includes("@")) throw new AppError("config", "usage: node bin/run.mjs bin/reset-link.ts EMAIL");
  const config = loadConfig();
  const url = databaseUrlOf(config);
  const embedded = url === null ? await startEmbeddedPostgres({ dataDir: path.resolve(config.DATA_DIR), log }) : null;
  const db = createDatabase({ connection: embedded?.connection ?? { connectionString: url ?? "" }, log });
  try {
    const clock = systemClock;
    const publicUrl = config.PUBLIC_URL === "" ? `http://localhost:${config.PORT}` : config.PUBLIC_URL;
    const link = await makeRecoveryLink({ db, clock, audit: createAudit({ db, clock, log }), publicUrl }, email);
    console.log(`Works once, within an hour, while the server runs:\n${link}`);
  } finally {
    await db.stop();
    await embedded?.stop();
  }
} catch (error) {
  const failure = toAppError(error);
  console.error(failure.kind === "bug" ? error : failure.message);
  process.exitCode = 1;
}
