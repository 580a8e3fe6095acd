/** Routes of search beside the list itself: how many sessions a filter means, and erasing all of them. */

import * as v from "valibot";
import { isSessionId } from "../../protocol/ids.ts";
import { AppError } from "../app-error.ts";
import { actorOf } from "../audit-trail.ts";
import { maySee, readableProjects, requireRole } from "../auth/auth.ts";
import type { Database, Queryable } from "../db/db.ts";
import { notFound, readBody } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { countFacets } from "./facets.ts";
import { findIds } from "./find-sessions.ts";
import type { SessionEraser } from "./search.ts";
import { FILTER_QUERY, parseSessionFilter } from "./session-filter.ts";

/** Most sessions that are erased by one request. */
export const MAX_ERASED = 2_000;
const MAX_QUERY = 4_000;

const eraseBody = v.strictObject({
  project: v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(2_147_483_647)),
  query: v.optional(v.pipe(v.string(), v.maxLength(MAX_QUERY))),
  sessionIds: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.check((id) => isSessionId(id), "expected a session id"),
        ),
      ),
      v.minLength(1),
      v.maxLength(500),
    ),
  ),
  count: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});

/** What the routes are built from. */
export interface SearchRoutesDeps {
  db: Database;
  eraser: SessionEraser;
}

/** The rows of the route table. */
export function createSearchRoutes({ db, eraser }: SearchRoutesDeps): readonly Route[] {
  async function erase({ body, identity, peer }: HttpRequest) {
    const { project, query, sessionIds, count } = readBody(eraseBody, body);
    requireRole(identity, project, "admin");
    if ((query === undefined) === (sessionIds === undefined))
      throw new AppError("protocol", "expected either query or sessionIds");
    const found = sessionIds === undefined ? await findMeant(db, project, query ?? "") : await findNamed(db, project, sessionIds);
    if (found.length > MAX_ERASED) {
      throw new AppError("protocol", `more than ${MAX_ERASED} sessions fit; narrow the filter, and erase them in parts`);
    }
    if (count === undefined) return { json: { erased: false, count: found.length } };
    if (count !== found.length) {
      throw new AppError("protocol", `${found.length} sessions fit by now, not ${count}; nothing was erased`);
    }
    return { json: { erased: true, count, ...(await eraser.eraseSessions(project, found, { actor: actorOf(identity), peer })) } };
  }

  return [
    {
      method: "GET",
      path: "/v1/sessions/facets",
      access: "signed-in",
      summary: "How many sessions fit, and how they spread over countries, browsers, systems, devices, releases and environments",
      query: FILTER_QUERY,
      handle: async ({ query, identity }) => {
        const filter = parseSessionFilter(query);
        if (filter.projectId !== null && !maySee(identity, filter.projectId)) throw notFound();
        const projects = filter.projectId === null ? [...readableProjects(identity)] : [filter.projectId];
        return { json: await countFacets(db, projects, filter) };
      },
    },
    {
      method: "POST",
      path: "/v1/sessions/erase",
      access: "signed-in",
      role: "admin",
      summary:
        "Erases the sessions that fit `query`, or those of `sessionIds`, where there are `count` of them; without `count` it says how many. Pinned ones are left out of `query` unless it asks for them",
      handle: erase,
    },
  ];
}

/** Pinned sessions are meant only where the filter speaks of them. One more than may be erased tells that there are too many. */
function findMeant(db: Queryable, projectId: number, query: string): Promise<string[]> {
  const filter = parseSessionFilter(new URLSearchParams(query));
  return findIds(db, [projectId], { ...filter, projectId, pinned: filter.pinned ?? false }, MAX_ERASED + 1);
}

/** All of them, once each; where one is not of the project the answer is that for nothing, whosesoever it is. */
async function findNamed(db: Queryable, projectId: number, ids: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    "SELECT session_id AS id FROM sessions WHERE project_id = $1 AND session_id = ANY($2::text[])",
    [projectId, ids],
  );
  if (rows.length < new Set(ids).size) throw notFound();
  return rows.map(({ id }) => id);
}
