/** Routes of saved searches. Everybody who sees a project saves his own; to share one takes a member, and to change a shared one of somebody else an admin. */

import * as v from "valibot";
import { cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import { type Identity, requireRole } from "../auth/auth.ts";
import type { Database } from "../db/db.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { deleteSaved, findSaved, insertSaved, listSaved, type SavedSearch, updateSaved } from "./saved-queries.ts";
import { parseSessionListing, SESSION_QUERY } from "./session-filter.ts";

const MAX_SAVED = 200;
const MAX_QUERY = 4_000;

const name = v.pipe(v.string(), v.transform(cleanText), v.trim(), v.minLength(1), v.maxLength(120));
const query = v.pipe(v.string(), v.maxLength(MAX_QUERY));
const saveBody = v.strictObject({ name, query, isShared: v.optional(v.boolean(), false) });
const changeBody = v.strictObject({ name: v.optional(name), query: v.optional(query), isShared: v.optional(v.boolean()) });

/** The rows of the route table. */
export function createSavedRoutes(db: Database): readonly Route[] {
  /** One answer for what does not exist, what is somebody else's own, and what is in another project. */
  async function find({ params, identity }: HttpRequest): Promise<{ projectId: number; saved: SavedSearch }> {
    const projectId = readId(params["id"]);
    requireRole(identity, projectId, "viewer");
    const saved = await findSaved(db, projectId, readId(params["searchId"]), userOf(identity));
    if (!saved) throw notFound();
    if (!saved.isMine) requireRole(identity, projectId, "admin");
    return { projectId, saved };
  }

  return [
    {
      method: "GET",
      path: "/v1/projects/:id/searches",
      access: "signed-in",
      role: "viewer",
      summary: "Saved searches of sessions: one's own, and those that are shared in the project",
      handle: async ({ params, identity }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "viewer");
        return { json: { searches: await listSaved(db, projectId, userOf(identity)) } };
      },
    },
    {
      method: "POST",
      path: "/v1/projects/:id/searches",
      access: "signed-in",
      role: "viewer",
      summary: "Saves a search: name, query (as of GET /v1/sessions), and isShared, which takes a member",
      handle: async ({ params, identity, body }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "viewer");
        const wish = readBody(saveBody, body);
        if (wish.isShared) requireRole(identity, projectId, "member");
        const saved = await insertSaved(db, projectId, userOf(identity), { ...wish, query: cleanQuery(wish.query) }, MAX_SAVED);
        if (!saved) throw new AppError("protocol", `at most ${MAX_SAVED} searches can be saved`);
        return { status: 201, json: saved };
      },
    },
    {
      method: "PATCH",
      path: "/v1/projects/:id/searches/:searchId",
      access: "signed-in",
      role: "viewer",
      summary: "Changes a saved search of one's own; one that somebody else shares takes an admin",
      handle: async (request) => {
        const { projectId, saved } = await find(request);
        const change = readBody(changeBody, request.body);
        if (change.isShared === true) requireRole(request.identity, projectId, "member");
        await updateSaved(db, saved.searchId, {
          ...(change.name !== undefined && { name: change.name }),
          ...(change.query !== undefined && { query: cleanQuery(change.query) }),
          ...(change.isShared !== undefined && { isShared: change.isShared }),
        });
        return { json: (await findSaved(db, projectId, saved.searchId, userOf(request.identity))) ?? saved };
      },
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id/searches/:searchId",
      access: "signed-in",
      role: "viewer",
      summary: "Removes a saved search of one's own; one that somebody else shares takes an admin",
      handle: async (request) => {
        const { saved } = await find(request);
        await deleteSaved(db, saved.searchId);
        return { json: { removed: true } };
      },
    },
  ];
}

const NOT_SAVED: ReadonlySet<string> = new Set(["project", "cursor", "limit"]);

/** What is known of a query string, checked as the list would. */
function cleanQuery(text: string): string {
  const cleaned = new URLSearchParams();
  for (const [key, value] of new URLSearchParams(text)) {
    if (value !== "" && Object.hasOwn(SESSION_QUERY, key) && !NOT_SAVED.has(key)) cleaned.append(key, cleanText(value));
  }
  parseSessionListing(cleaned);
  return cleaned.toString();
}

function userOf(identity: Identity): number {
  if (identity.kind === "nobody") throw notFound();
  return identity.userId;
}
