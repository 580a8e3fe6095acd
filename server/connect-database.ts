/** The way to the database, before any room is built. */

import { databaseUrlOf, type Config } from "./config.ts";
import type { ConnectionOptions } from "./db/connection.ts";
import { startEmbeddedPostgres } from "./db/embedded.ts";
import { migrate } from "./db/migrate.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Log } from "./log.ts";

/** The database that the configuration names, or the embedded one, in the shape that this version needs. */
export async function connectDatabase(
  config: Config,
  log: Pick<Log, "child">,
  lifecycle: Lifecycle,
): Promise<{ connection: ConnectionOptions; dataDir: string | null }> {
  const url = databaseUrlOf(config);
  if (url !== null) {
    const connection = { connectionString: url };
    await migrate(connection, log.child("db"));
    return { connection, dataDir: null };
  }
  const postgres = await startEmbeddedPostgres({ dataDir: config.DATA_DIR, log: log.child("db") });
  lifecycle.onStop("embedded Postgres", () => postgres.stop(), 20_000);
  await migrate(postgres.connection, log.child("db"));
  return { connection: postgres.connection, dataDir: postgres.dataDir };
}
