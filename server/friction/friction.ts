/** The door of friction: which pages visitors were on, and where on one of them they clicked and how far they saw it, over a chosen set of sessions. */

import type { Queryable } from "../db/db.ts";
import type { Route } from "../net/route.ts";
import { createFrictionRoutes } from "./friction-routes.ts";

export interface Friction {
  routes: readonly Route[];
}

/** Builds the room. It keeps nothing: everything is counted from stored markers, when it is asked for. */
export function createFriction(deps: { db: Queryable }): Friction {
  return { routes: createFrictionRoutes(deps.db) };
}
