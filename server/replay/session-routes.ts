/** Routes of sessions: the list, one of them, its batches and events. */

import { isTabId } from "../../protocol/ids.ts";
import type { SessionSummary } from "../../protocol/session.ts";
import { AppError } from "../app-error.ts";
import { actorOf, type ViewTrail } from "../audit-trail.ts";
import { type Identity, maySee, readableProjects } from "../auth/auth.ts";
import type { Queryable } from "../db/db.ts";
import { notFound, readNumber, readWhole } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { BATCHES_TYPE, streamBatches } from "./batch-stream.ts";
import { DEFAULT_EVENT_LIMIT, MAX_EVENT_LIMIT, readEventPage } from "./event-pages.ts";
import type { LiveFacts } from "./replay.ts";
import { findPage, parseSessionListing, SESSION_QUERY, writeCursor } from "../search/search.ts";
import { findSession, listTabs, readSessions, type StoredSession } from "./session-queries.ts";
import { listCheckouts, listErrors, listGaps, listMarkers } from "./timeline-queries.ts";

const MAX_AT = 8.64e15;

/** What the routes are built from. */
export interface SessionRoutesDeps {
  db: Queryable;
  live: LiveFacts;
  views: ViewTrail;
}

/** The rows of the route table about sessions. */
export function createSessionRoutes({ db, live, views }: SessionRoutesDeps): readonly Route[] {
  /** One answer for what does not exist and for what belongs to somebody else. */
  async function findVisible(id: string | undefined, identity: Identity): Promise<StoredSession> {
    const found = await findSession(db, id ?? "", [...readableProjects(identity)]);
    if (!found) throw notFound();
    return found;
  }

  async function describe({ params, identity }: HttpRequest) {
    const { session, startedOn } = await findVisible(params["id"], identity);
    const key = { sessionId: session.sessionId, startedOn };
    const [tabs, markers, gaps, checkouts, errors] = await Promise.all([
      listTabs(db, key),
      listMarkers(db, key),
      listGaps(db, key),
      listCheckouts(db, key),
      listErrors(db, key),
    ]);
    return {
      session: overlay([session], live.activeSessions(new Set([session.projectId])))[0],
      tabs,
      markers,
      gaps,
      checkouts,
      errors,
    };
  }

  return [
    {
      method: "GET",
      path: "/v1/sessions",
      access: "signed-in",
      summary: "Sessions by any of these filters together, newest first or in another order",
      query: SESSION_QUERY,
      handle: async ({ query, identity }) => {
        const listing = parseSessionListing(query);
        if (listing.projectId !== null && !maySee(identity, listing.projectId)) throw notFound();
        const projects = listing.projectId === null ? readableProjects(identity) : new Set([listing.projectId]);
        const page = await findPage(db, [...projects], listing);
        const found = await readSessions(db, page.sessionIds);
        const sessions = overlay(found, live.activeSessions(projects)).filter(
          (session) => listing.status === null || session.status === listing.status,
        );
        return { json: { sessions, nextCursor: page.next && writeCursor(page.next, listing.sort) } };
      },
    },
    {
      method: "GET",
      path: "/v1/sessions/:id",
      access: "signed-in",
      summary: "One session with its tabs, markers, gaps, checkout index and errors",
      handle: async (request) => ({ json: await describe(request) }),
    },
    {
      method: "GET",
      path: "/v1/sessions/:id/batches",
      access: "signed-in",
      summary: "Stored batches as framed bytes, from the last checkout at or before `from`; streamed",
      query: {
        from: "page time, epoch ms; default: the session's beginning",
        to: "page time of the last batch's beginning; default: the end",
        tab: "only this tab",
      },
      handle: async ({ params, query, identity, peer, signal }) => {
        const tab = query.get("tab");
        if (tab !== null && !isTabId(tab)) throw new AppError("protocol", "tab: expected a tab id");
        const range = {
          from: readNumber(query, "from", { min: 0, max: MAX_AT }) ?? 0,
          to: readNumber(query, "to", { min: 0, max: MAX_AT }) ?? Infinity,
          tab,
        };
        const { session, startedOn } = await findVisible(params["id"], identity);
        await views.viewed({ kind: "replay", by: "batches", actor: actorOf(identity), peer, session });
        const key = { sessionId: session.sessionId, startedOn, projectId: session.projectId };
        const mayGoOn = (now: Identity) => maySee(now, session.projectId);
        return { stream: streamBatches(db, key, range, signal), contentType: BATCHES_TYPE, mayGoOn };
      },
    },
    {
      method: "GET",
      path: "/sessions/active",
      access: "signed-in",
      summary: "Sessions that are live now",
      handle: ({ identity }) => {
        const sessions = live.activeSessions(readableProjects(identity));
        return { json: { sessions, count: sessions.length } };
      },
    },
    {
      method: "GET",
      path: "/sessions/:sessionId/events",
      access: "signed-in",
      summary: "rrweb events as JSON, in the order of their arrival",
      query: {
        fromIndex: "index of the first event (default 0)",
        limit: `events in the answer, at most ${MAX_EVENT_LIMIT} (default ${DEFAULT_EVENT_LIMIT})`,
      },
      handle: async ({ params, query, identity, peer }) => {
        const fromIndex = readWhole(query, "fromIndex", { min: 0, max: Number.MAX_SAFE_INTEGER }) ?? 0;
        const limit = readWhole(query, "limit", { min: 1, max: Number.MAX_SAFE_INTEGER }) ?? DEFAULT_EVENT_LIMIT;
        const { session, startedOn } = await findVisible(params["sessionId"], identity);
        await views.viewed({ kind: "replay", by: "events", actor: actorOf(identity), peer, session });
        const key = { sessionId: session.sessionId, startedOn };
        const page = await readEventPage(db, key, fromIndex, Math.min(limit, MAX_EVENT_LIMIT));
        return { json: { sessionId: key.sessionId, fromIndex, nextIndex: page.nextIndex, events: page.events } };
      },
    },
  ];
}

/** What the live edge knows replaces what was written behind; of pins and facts it knows nothing. */
export function overlay(stored: readonly SessionSummary[], live: readonly SessionSummary[]): SessionSummary[] {
  const byId = new Map(live.map((session) => [session.sessionId, session]));
  return stored.map((session) => {
    const known = byId.get(session.sessionId);
    if (!known) return session;
    return { ...known, pinnedAt: session.pinnedAt ?? null, ...(session.facts && { facts: session.facts }) };
  });
}
