/** vitest `globalSetup` of every project that needs Postgres: one server for the whole run, whichever project asks first. */

import { setup } from "./postgres.ts";

/** Each project loads this file for itself, so what they share is kept by the process. */
const shared = globalThis as typeof globalThis & { watchbackTestPostgres?: Promise<() => Promise<void>> };

/** Starts the server, or waits for the one that another project is starting; only the first one stops it. */
export default async function sharedSetup(): Promise<(() => Promise<void>) | undefined> {
  if (shared.watchbackTestPostgres) {
    await shared.watchbackTestPostgres;
    return undefined;
  }
  shared.watchbackTestPostgres = setup();
  return shared.watchbackTestPostgres;
}
