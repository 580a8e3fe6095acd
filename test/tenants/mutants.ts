/** Rooms that are wrong on purpose, put around the real ones: the suite is only worth something if it turns red on each of them. */

import { AppError } from "../../server/app-error.ts";
import type { Around } from "../../server/app.ts";
import type { Identity } from "../../server/auth/auth.ts";
import type { HttpRequest, Route } from "../../server/net/route.ts";

/** Somebody who may see everything, as far as a room that does not ask can tell. */
function everywhere(identity: Identity): Identity {
  if (identity.kind === "nobody") return identity;
  const roles = new Map(Array.from({ length: 100 }, (_, id) => [id + 1, "owner"] as const));
  return identity.kind === "user" ? { ...identity, roles } : { ...identity, roles, scopes: new Set(["read", "admin"]) };
}

type Handle = Route["handle"];

function around(isWanted: (route: Route) => boolean, wrap: (handle: Handle) => Handle): Around {
  return {
    routes: (routes) => routes.map((route) => (isWanted(route) ? { ...route, handle: wrap(route.handle.bind(route)) } : route)),
  };
}

const isRead = (route: Route) => route.method === "GET" && /^\/v1\/sessions\/:id$|^\/v1\/errors\/:id$|\/events$/.test(route.path);
const isList = (route: Route) => route.path === "/sessions/active";
const isErasure = (route: Route) => route.method === "DELETE" && route.path === "/v1/sessions/:id";
const isKey = (route: Route) => route.method === "PATCH" && route.path === "/v1/projects/:id/keys/:key";
const isOne = (route: Route) => route.method === "GET" && route.path === "/v1/sessions/:id";

/** Refuses as it should, but after it was done. */
const doneBefore = (handle: Handle): Handle => {
  return async (request: HttpRequest) => {
    await Promise.resolve(handle({ ...request, identity: everywhere(request.identity) })).catch(() => undefined);
    return handle(request);
  };
};

/** Says that it is there, and that it is somebody else's. */
const honest = (handle: Handle): Handle => {
  return async (request: HttpRequest) => {
    try {
      return await handle(request);
    } catch (error) {
      const isThere = await Promise.resolve(handle({ ...request, identity: everywhere(request.identity) })).then(
        () => true,
        () => false,
      );
      throw isThere ? new AppError("forbidden", "this is somebody else's") : error;
    }
  };
};

/** Each with the routes on which it is wrong; none for those that are wrong on sockets. */
export const MUTANTS: Readonly<Record<string, { what: string; around: Around; routes: readonly string[] }>> = {
  "replay-for-all": {
    what: "replay finds sessions and errors of every project",
    around: around(isRead, (handle) => (request) => handle({ ...request, identity: everywhere(request.identity) })),
    routes: ["GET /v1/sessions/:id", "GET /v1/errors/:id", "GET /sessions/:sessionId/events"],
  },
  "list-for-all": {
    what: "the list of live sessions forgets the projects",
    around: around(isList, (handle) => (request) => handle({ ...request, identity: everywhere(request.identity) })),
    routes: ["GET /sessions/active"],
  },
  oracle: {
    what: "somebody else's session gets 403, one that is not there 404",
    around: around(isOne, honest),
    routes: ["GET /v1/sessions/:id"],
  },
  "erases-first": {
    what: "a session is erased, and then the request refused",
    around: around(isErasure, doneBefore),
    routes: ["DELETE /v1/sessions/:id"],
  },
  "key-of-any-project": {
    what: "a key is named whosever project it belongs to",
    around: around(
      isKey,
      (handle) => (request) =>
        // As where the parent in the path is checked, and the child looked up by itself.
        handle({ ...request, identity: everywhere(request.identity), params: { ...request.params, id: "2" } }),
    ),
    routes: ["PATCH /v1/projects/:id/keys/:key"],
  },
  "live-for-all": {
    what: "the live edge asks nobody for his rights",
    around: { live: (live) => ({ ...live, connect: (port) => live.connect({ ...port, maySee: () => true }) }) },
    routes: [],
  },
};
