/** Routes of reported errors, of trackers and of SDKs: one of them, and its clip. */

import { actorOf, type ViewTrail } from "../audit-trail.ts";
import { readableProjects } from "../auth/auth.ts";
import type { Queryable } from "../db/db.ts";
import { notFound, readNumber } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { isPlayable, type Moment, planMoment } from "./clip-plan.ts";
import { createClipTurns } from "./clip-turns.ts";
import { readClip } from "./clip.ts";
import { findPlace, NO_CLIP, type Place } from "./error-place.ts";
import { findReportedError, type ReportedError } from "./error-queries.ts";

const DEFAULT_BEFORE_SEC = 10;
const DEFAULT_AFTER_SEC = 5;
const MAX_SIDE_SEC = 600;

/** Whether an error can be played, and why not. */
interface ClipState {
  available: boolean;
  /** Empty where it can. */
  reason: string;
  /** When it happened by the page's clock, and in which tab; null where that is not known. */
  at: number | null;
  tab: string | null;
}

/** The rows of the route table about errors. */
export function createErrorRoutes(db: Queryable, views: ViewTrail): readonly Route[] {
  const turns = createClipTurns();

  async function findVisible({ params, identity }: HttpRequest): Promise<ReportedError> {
    const found = await findReportedError(db, params["id"] ?? "", [...readableProjects(identity)]);
    if (!found) throw notFound();
    return found;
  }

  async function describeClip(error: ReportedError): Promise<ClipState> {
    const place = await findPlace(db, error);
    if ("reason" in place) return { available: false, reason: place.reason, at: null, tab: null };
    const moment = momentOf(place, DEFAULT_BEFORE_SEC, DEFAULT_AFTER_SEC);
    const available = await isPlayable(db, place.session, await planMoment(db, place.session, moment), moment.to);
    return { available, reason: available ? "" : NO_CLIP.unplayable, at: place.at, tab: place.tab };
  }

  return [
    {
      method: "GET",
      path: "/v1/errors/:id",
      access: "signed-in",
      summary: "One reported error, and whether there is a clip of it",
      handle: async (request) => {
        const error = await findVisible(request);
        return { json: { error, clip: await describeClip(error) } };
      },
    },
    {
      method: "GET",
      path: "/v1/errors/:id/clip",
      access: "signed-in",
      summary: "The seconds around an error as rrweb events, starting at a checkout; where there are none, `reason` says why",
      query: {
        before: `seconds before it, at most ${MAX_SIDE_SEC} (default ${DEFAULT_BEFORE_SEC})`,
        after: `seconds after it, at most ${MAX_SIDE_SEC} (default ${DEFAULT_AFTER_SEC})`,
      },
      handle: async (request) => {
        const before = readNumber(request.query, "before", { min: 0, max: MAX_SIDE_SEC }) ?? DEFAULT_BEFORE_SEC;
        const after = readNumber(request.query, "after", { min: 0, max: MAX_SIDE_SEC }) ?? DEFAULT_AFTER_SEC;
        const error = await findVisible(request);
        const { errorId, sessionId } = error;
        const place = await findPlace(db, error);
        if ("reason" in place) {
          const { tab, at } = error;
          const nothing = { startsAt: null, events: [], gaps: [], reason: place.reason };
          return { json: { errorId, sessionId, tab, at, from: at - before * 1000, to: at + after * 1000, ...nothing } };
        }
        const { identity, peer } = request;
        await views.viewed({ kind: "replay", by: "clip", actor: actorOf(identity), peer, session: place.session });
        const moment = momentOf(place, before, after);
        const clip = await turns.take(() => readClip(db, place.session, moment), request.signal);
        const reason = clip.startsAt === null ? NO_CLIP.unplayable : "";
        return { json: { errorId, sessionId, ...moment, ...clip, reason } };
      },
    },
  ];
}

function momentOf({ tab, at }: Place, beforeSec: number, afterSec: number): Moment {
  return { tab, at, from: at - beforeSec * 1000, to: at + afterSec * 1000 };
}
