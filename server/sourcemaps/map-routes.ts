/** Our own routes about source maps: one upload in one request, the list, what is in one, and its removal. */

import { AppError } from "../app-error.ts";
import type { AuditTrail } from "../audit-trail.ts";
import { actorOf } from "../audit-trail.ts";
import { requireMapUpload, requireRole } from "../auth/auth.ts";
import type { Database } from "../db/db.ts";
import { notFound, readId } from "../http-input.ts";
import type { Route } from "../net/route.ts";
import { readDebugId } from "./artifact.ts";
import { listArtifacts, listBundles, readBundle, removeBundle } from "./artifact-queries.ts";
import { uploaderOf } from "./chunk-routes.ts";
import type { Uploads } from "./uploads.ts";

/** Largest upload in one request. */
const MAX_BODY_BYTES = 15 * 1024 * 1024;
const MAX_TEXT = 250;

/** What the routes are built from. */
export interface MapRoutesDeps {
  db: Database;
  audit: AuditTrail;
  uploads: Uploads;
  onRemoved: () => void;
}

/** The rows of the route table about the source maps of a project. */
export function createMapRoutes({ db, audit, uploads, onRemoved }: MapRoutesDeps): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/v1/projects/:id/source-maps",
      access: "signed-in",
      role: "member",
      scope: "sourcemaps",
      anyBody: true,
      maxBodyBytes: MAX_BODY_BYTES,
      summary: "Uploads source maps: a zip of scripts and maps (or an artifact bundle), or one map",
      query: {
        release: "of which they are; may be absent where the files have debug ids",
        dist: "a variant of the release",
        url: "address of the script, e.g. ~/assets/app.js, where the body is one map",
        debugId: "debug id of the script, where the body is one map that does not say it",
      },
      handle: async (request) => {
        const { params, query, identity, body } = request;
        const projectId = readId(params["id"]);
        requireMapUpload(identity, projectId);
        if (body.length === 0) throw new AppError("protocol", "the body is empty");
        const debugId = readText(query, "debugId");
        const facts = { release: readText(query, "release"), dist: readText(query, "dist"), url: readText(query, "url") };
        const id = debugId === "" ? null : readDebugId(debugId);
        if (debugId !== "" && id === null)
          throw new AppError("protocol", "debugId: expected 32 hex digits, with dashes or without");
        const bundle = await uploads.take(uploaderOf(request), projectId, body, { ...facts, debugId: id });
        return { status: 201, json: { bundle } };
      },
    },
    {
      method: "GET",
      path: "/v1/projects/:id/source-maps",
      access: "signed-in",
      role: "viewer",
      summary: "The uploads of source maps of a project, newest first",
      handle: async ({ params, identity }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "viewer");
        return { json: { bundles: await listBundles(db, projectId) } };
      },
    },
    {
      method: "GET",
      path: "/v1/projects/:id/source-maps/:bundle",
      access: "signed-in",
      role: "viewer",
      summary: "One upload of source maps, with the scripts in it and which of them have a map",
      handle: async ({ params, identity }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "viewer");
        const bundle = await readBundle(db, projectId, readId(params["bundle"]));
        if (!bundle) throw notFound();
        return { json: { bundle, scripts: await listArtifacts(db, bundle.id) } };
      },
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id/source-maps/:bundle",
      access: "signed-in",
      role: "admin",
      summary: "Removes an upload of source maps; errors that were mapped by it stay as they are",
      handle: async ({ params, identity, peer }) => {
        const projectId = readId(params["id"]);
        requireRole(identity, projectId, "admin");
        const bundleId = readId(params["bundle"]);
        await db.transaction(async (tx) => {
          if (!(await removeBundle(tx, projectId, bundleId))) throw notFound();
          const subject = { kind: "source_maps", id: String(bundleId) };
          await audit.record({ action: "source_maps_removed", actor: actorOf(identity), peer, projectId, subject }, tx);
        });
        onRemoved();
        return { json: { removed: true } };
      },
    },
  ];
}

function readText(query: URLSearchParams, name: string): string {
  const text = query.get(name)?.trim() ?? "";
  if (text.length > MAX_TEXT || /\p{Cc}/u.test(text))
    throw new AppError("protocol", `${name}: expected at most ${MAX_TEXT} characters`);
  return text.toWellFormed();
}
