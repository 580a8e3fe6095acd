/** The door of exports: a session as a file that somebody takes away, and such a file as a session again. */

import { tmpdir } from "node:os";
import type { AuditTrail, ViewTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import type { Route } from "../net/route.ts";
import type { OpenedSessions } from "../replay/replay.ts";
import { createExportRoutes } from "./export-routes.ts";
import { createFilms, type FilmDeps } from "./films.ts";
import { createImportRoutes } from "./import-routes.ts";
import type { ImportRedaction } from "./redact-import.ts";

export type { ChromiumSettings } from "./chromium.ts";
export type { ImportRedaction } from "./redact-import.ts";

/** What the other rooms ask of exports. */
export interface Exports {
  routes: readonly Route[];
  /** Ends a film that is being made. */
  stop(): Promise<void>;
}

/** What the room is built from. */
export interface ExportsDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  audit: AuditTrail & ViewTrail;
  sessions: OpenedSessions;
  redaction: ImportRedaction;
  /** Folder that holds `dist/`. */
  root: string;
  chromium: FilmDeps["chromium"];
  /** Most events kept of one session. */
  maxEvents: number;
  /** Milliseconds to wait where no payload may be stored now, or null. */
  waitMs(): number | null;
}

/** Builds the room. It starts nothing until somebody asks. */
export function createExports(deps: ExportsDeps): Exports {
  const films = createFilms({ chromium: deps.chromium, log: deps.log, scratch: tmpdir() });
  return {
    routes: [...createExportRoutes({ ...deps, films }), ...createImportRoutes(deps)],
    stop: () => films.stop(),
  };
}
