/** What an app is built from, and what it says once it runs. */

import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import type { Live } from "./live/live.ts";
import type { Log } from "./log.ts";
import type { Route } from "./net/route.ts";

/** What an app is built from. */
export interface AppOptions {
  config: Config;
  log: Pick<Log, "child">;
  clock?: Clock;
  /** Puts something around what `server/net` is given: for tests that must turn red where a room is wrong. */
  around?: Around;
}

/** What can be put around the rooms. */
export interface Around {
  routes?(routes: readonly Route[]): readonly Route[];
  live?(live: Live): Live;
}

/** What a person needs to know once it runs. */
export interface Started {
  version: string;
  port: number;
  /** Base address for browsers, without a closing slash. */
  publicUrl: string;
  /** Ingest key of the first project. */
  projectKey: string;
  /** How the first administrator signs in; null where there is one already. */
  firstAdministrator: { setupUrl: string } | { createdEmail: string } | null;
  /** Where the data is: a folder, or null for a database that the configuration names. */
  dataDir: string | null;
}
