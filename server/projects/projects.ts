/** The door of projects: tenants and their ingest keys. */

import type { Route } from "../net/route.ts";

export interface Project {
  id: number;
  name: string;
  slug: string;
  keys: string[];
  createdAt: number;
}

export interface Projects {
  /** The project an ingest key writes into, or null. Answers from memory after the first look; a revoked key is noticed within 5 s. */
  findByKey(key: string): Promise<Project | null>;
  list(): Promise<Project[]>;
  /** Makes the first project, with `DEFAULT_PROJECT_KEY` or a generated key, where there is none. Returns the project with the lowest id. */
  prepareFirstProject(): Promise<Project>;
  routes: readonly Route[];
}
