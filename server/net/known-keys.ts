/**
 * Ingest keys that were good when last looked at. With these a tracker is let in within the call that asks, which is what the library
 * does best; the look at the database follows, and a key that was revoked meanwhile ends its socket at once.
 */

import type { Project, Projects } from "../projects/projects.ts";

/** Most keys remembered; past it the one that was learnt first is forgotten. */
const MAX_KEYS = 10_000;

export interface KnownKeys {
  /** From memory alone. */
  get(key: string): Project | null;
  /** By a real look, which is remembered. */
  find(key: string): Promise<Project | null>;
}

/** An empty memory. */
export function createKnownKeys(projects: Pick<Projects, "findByKey">): KnownKeys {
  const known = new Map<string, Project>();
  return {
    get: (key) => known.get(key) ?? null,
    async find(key) {
      const project = await projects.findByKey(key);
      if (!project) {
        known.delete(key);
        return null;
      }
      const first = known.size >= MAX_KEYS && !known.has(key) ? known.keys().next().value : undefined;
      if (first !== undefined) known.delete(first);
      known.set(key, project);
      return project;
    },
  };
}
