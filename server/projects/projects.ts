/** The door of projects: tenants, what they are set to, and their ingest keys. */

import type { AuditTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import type { Route } from "../net/route.ts";
import { createKeyCache } from "./key-cache.ts";
import { createKeyRoutes } from "./key-routes.ts";
import { createKeyUses } from "./key-uses.ts";
import { createFirstProject, listProjects, readProjectsByKey } from "./project-queries.ts";
import { createProjectRoutes } from "./project-routes.ts";
import type { ProjectSettings } from "./project-settings.ts";

export { isAllowedOrigin, toOriginPattern } from "./origins.ts";
export {
  type AssistSettings,
  DEFAULT_PROJECT_SETTINGS,
  type PrivacySettings,
  type ProjectLimits,
  type ProjectSettings,
  type RedactionSettings,
  trackerSettingsOf,
} from "./project-settings.ts";

/** A tenant, with its settings and the ingest keys that are in use. */
export interface Project {
  id: number;
  name: string;
  slug: string;
  keys: string[];
  createdAt: number;
  settings: ProjectSettings;
}

/** What the other rooms ask of projects. */
export interface Projects {
  /**
   * The project an ingest key writes into, or null. Answers from memory after the first look; a revoked key, a removed project and
   * changed settings are noticed within 5 s, and at once in the process that changed them.
   */
  findByKey(key: string): Promise<Project | null>;
  /** A project by its id, from the database; null for none and for one that was removed. */
  findById(id: number): Promise<Project | null>;
  /** A tracker uses this key now; written behind. */
  noteUse(key: string): void;
  list(): Promise<Project[]>;
  /** What is remembered of keys is read again: rights changed, here or in another process. */
  forget(): void;
  /** Makes the first project, with `DEFAULT_PROJECT_KEY` or a generated key, where there is none. Returns the project with the lowest id. */
  prepareFirstProject(): Promise<Project>;
  /** Begins to write behind when keys were used last. */
  start(): void;
  /** Writes what is left of that. */
  stop(): Promise<void>;
  routes: readonly Route[];
}

/** What the room is built from. */
export interface ProjectsDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  audit: AuditTrail;
  /** `DEFAULT_PROJECT_KEY`; empty where one is to be generated. */
  defaultProjectKey: string;
  /** A project or key was made, changed, revoked or removed: whoever caches who may do what must look again (`auth.rightsChanged`). */
  onAccessChanged: () => Promise<void>;
}

/** Builds the room. */
export function createProjects(deps: ProjectsDeps): Projects {
  const { db } = deps;
  const keys = createKeyCache({ clock: deps.clock, read: (wanted) => readProjectsByKey(db, wanted) });
  const uses = createKeyUses(deps);
  const onChange = () => {
    keys.forget();
    return deps.onAccessChanged();
  };
  return {
    findByKey: (key) => keys.find(key),
    findById: async (id) => (await listProjects(db, [id]))[0] ?? null,
    noteUse: (key) => {
      uses.note(key);
    },
    list: () => listProjects(db),
    forget: () => {
      keys.forget();
    },
    async prepareFirstProject() {
      const project = await createFirstProject(db, deps.defaultProjectKey);
      keys.forget();
      return project;
    },
    start: () => {
      uses.start();
    },
    stop: () => uses.stop(),
    routes: [
      ...createProjectRoutes({ db, audit: deps.audit, onChange }),
      ...createKeyRoutes({ db, audit: deps.audit, onChange }),
    ],
  };
}
