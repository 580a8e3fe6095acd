/** Routes that explain grouping: why an occurrence is in its issue, by which keys an issue is found, and what another setting would do. */

import * as v from "valibot";
import { readableProjects, requireRole } from "../auth/auth.ts";
import type { Queryable } from "../db/db.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import { issueSettingsFields } from "../issue-settings.ts";
import type { Route } from "../net/route.ts";
import { dryRun } from "./dry-run.ts";
import { explain } from "./explain.ts";
import { findStored, listKeyRows } from "./grouping-queries.ts";
import { findVisible } from "./issue-routes.ts";

const MAX_KEYS = 200;
const dryRunBody = v.partial(
  v.strictObject({ routeSplits: issueSettingsFields.routeSplits, placeJoins: issueSettingsFields.placeJoins }),
);

/** The rows of the route table about grouping. */
export function createGroupingRoutes(db: Queryable): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/v1/errors/:id/grouping",
      access: "signed-in",
      summary: "Why an occurrence is in its issue",
      handle: async ({ params, identity }) => {
        const stored = await findStored(db, params["id"] ?? "", [...readableProjects(identity)]);
        if (!stored) throw notFound();
        return { json: { grouping: await explain(db, stored) } };
      },
    },
    {
      method: "GET",
      path: "/v1/issues/:id/keys",
      access: "signed-in",
      summary: "The keys by which an issue is found, oldest first",
      handle: async (request) => {
        const { issueId } = await findVisible(db, request);
        return { json: { keys: await listKeyRows(db, issueId, MAX_KEYS) } };
      },
    },
    {
      method: "POST",
      path: "/v1/projects/:id/grouping/dry-run",
      access: "signed-in",
      role: "member",
      summary:
        "What another setting of grouping would make of the newest occurrences: {routeSplits?, placeJoins?}; changes nothing",
      handle: async ({ params, identity, body }) => {
        const id = readId(params["id"]);
        requireRole(identity, id, "member");
        const { routeSplits, placeJoins } = readBody(dryRunBody, body);
        const change = {
          ...(routeSplits === undefined ? {} : { routeSplits }),
          ...(placeJoins === undefined ? {} : { placeJoins }),
        };
        return { json: await dryRun(db, id, change) };
      },
    },
  ];
}
