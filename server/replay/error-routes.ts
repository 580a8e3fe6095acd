/** Routes of occurrences: one of them, and its clip. */

import { actorOf, type ViewTrail } from "../audit-trail.ts";
import { readableProjects } from "../auth/auth.ts";
import type { Queryable } from "../db/db.ts";
import { notFound, readNumber } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { readClip } from "./clip.ts";
import { findOccurrence } from "./error-queries.ts";

const DEFAULT_BEFORE_SEC = 10;
const DEFAULT_AFTER_SEC = 5;
const MAX_SIDE_SEC = 600;

/** The rows of the route table about occurrences. */
export function createErrorRoutes(db: Queryable, views: ViewTrail): readonly Route[] {
  async function findVisible({ params, identity }: HttpRequest) {
    const found = await findOccurrence(db, params["id"] ?? "", [...readableProjects(identity)]);
    if (!found) throw notFound();
    return found;
  }

  return [
    {
      method: "GET",
      path: "/v1/errors/:id",
      access: "signed-in",
      summary: "One reported error",
      handle: async (request) => ({ json: (await findVisible(request)).occurrence }),
    },
    {
      method: "GET",
      path: "/v1/errors/:id/clip",
      access: "signed-in",
      summary: "The seconds around an error as rrweb events, starting at a checkout",
      query: {
        before: `seconds before it, at most ${MAX_SIDE_SEC} (default ${DEFAULT_BEFORE_SEC})`,
        after: `seconds after it, at most ${MAX_SIDE_SEC} (default ${DEFAULT_AFTER_SEC})`,
      },
      handle: async (request) => {
        const before = readNumber(request.query, "before", { min: 0, max: MAX_SIDE_SEC }) ?? DEFAULT_BEFORE_SEC;
        const after = readNumber(request.query, "after", { min: 0, max: MAX_SIDE_SEC }) ?? DEFAULT_AFTER_SEC;
        const { occurrence, startedOn, personId } = await findVisible(request);
        const { id: errorId, sessionId, projectId, tab, at } = occurrence;
        const { identity, peer } = request;
        const session = { sessionId, projectId, userId: personId };
        await views.viewed({ kind: "replay", by: "clip", actor: actorOf(identity), peer, session });
        const moment = { tab, at, from: at - before * 1000, to: at + after * 1000 };
        const clip = await readClip(db, { sessionId, startedOn, projectId }, moment);
        return { json: { errorId, sessionId, ...moment, ...clip } };
      },
    },
  ];
}
