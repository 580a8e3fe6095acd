/** The door of projects: tenants and their ingest keys. */

import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Route } from "../net/route.ts";
import { createKeyCache } from "./key-cache.ts";
import { createFirstProject, listProjects, readProjectsByKey } from "./project-queries.ts";
import { createProjectRoutes } from "./project-routes.ts";

/** A tenant, with the ingest keys that are in use. */
export interface Project {
  id: number;
  name: string;
  slug: string;
  keys: string[];
  createdAt: number;
}

/** What the other rooms ask of projects. */
export interface Projects {
  /** The project an ingest key writes into, or null. Answers from memory after the first look; a revoked key is noticed within 5 s. */
  findByKey(key: string): Promise<Project | null>;
  list(): Promise<Project[]>;
  /** Makes the first project, with `DEFAULT_PROJECT_KEY` or a generated key, where there is none. Returns the project with the lowest id. */
  prepareFirstProject(): Promise<Project>;
  routes: readonly Route[];
}

/** What the room is built from. */
export interface ProjectsDeps {
  db: Database;
  clock: Clock;
  /** `DEFAULT_PROJECT_KEY`; empty where one is to be generated. */
  defaultProjectKey: string;
  /** A project was made or its members changed: whoever caches who may see what must look again (`auth.rightsChanged`). */
  onAccessChanged?: () => Promise<void>;
}

/** Builds the room. It holds no timer and no connection of its own. */
export function createProjects(deps: ProjectsDeps): Projects {
  const keys = createKeyCache({ clock: deps.clock, read: (wanted) => readProjectsByKey(deps.db, wanted) });
  return {
    findByKey: (key) => keys.find(key),
    list: () => listProjects(deps.db),
    async prepareFirstProject() {
      const project = await createFirstProject(deps.db, deps.defaultProjectKey);
      keys.forget();
      return project;
    },
    routes: createProjectRoutes({
      db: deps.db,
      onChange: () => {
        keys.forget();
        void deps.onAccessChanged?.();
      },
    }),
  };
}
