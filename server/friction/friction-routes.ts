/** Routes of friction. Both count over the newest sessions of one project that a filter means. */

import { cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import { maySee } from "../auth/auth.ts";
import type { Queryable } from "../db/db.ts";
import { notFound } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { FILTER_QUERY, findIds, parseSessionFilter } from "../search/search.ts";
import { listPages, MAX_SESSIONS, readHeatMap } from "./friction-queries.ts";

const MAX_ADDRESS = 256;
const ABOUT_SESSIONS = `over the newest ${MAX_SESSIONS} sessions that fit`;

/** The rows of the route table. */
export function createFrictionRoutes(db: Queryable): readonly Route[] {
  /** The sessions that are meant; one project's, because an address is a page of one site. */
  async function choose({ query, identity }: HttpRequest): Promise<string[]> {
    const filter = parseSessionFilter(query);
    if (filter.projectId === null) throw new AppError("protocol", "project: expected the id of a project");
    if (!maySee(identity, filter.projectId)) throw notFound();
    return findIds(db, [filter.projectId], filter, MAX_SESSIONS);
  }

  return [
    {
      method: "GET",
      path: "/v1/friction/pages",
      access: "signed-in",
      summary: `Pages by address, with views, clicks and friction, ${ABOUT_SESSIONS}`,
      query: FILTER_QUERY,
      handle: async (request) => {
        const chosen = await choose(request);
        return { json: { sessions: chosen.length, ...(await listPages(db, chosen)) } };
      },
    },
    {
      method: "GET",
      path: "/v1/friction/heat-map",
      access: "signed-in",
      summary: `Where a page was clicked, how far it was seen, and recorded checkouts to draw that over, ${ABOUT_SESSIONS}`,
      query: {
        ...FILTER_QUERY,
        address: "address of the page without what is behind ? and #; * stands for any characters",
      },
      handle: async (request) => {
        const address = cleanText(request.query.get("address") ?? "");
        if (address === "" || address.length > MAX_ADDRESS) {
          throw new AppError("protocol", `address: expected 1 to ${MAX_ADDRESS} characters`);
        }
        const chosen = await choose(request);
        return { json: { address, sessions: chosen.length, ...(await readHeatMap(db, chosen, address)) } };
      },
    },
  ];
}
