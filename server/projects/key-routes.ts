/** Routes of ingest keys: several for each project, with names, so that one can be revoked without the others. */

import * as v from "valibot";
import { cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import type { AuditAction } from "../audit-trail.ts";
import { requireRole, type Role } from "../auth/auth.ts";
import type { Queryable } from "../db/db.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { createKey, insertKey, type KeySummary, listKeys, lockProject, renameKey, revokeKey } from "./project-queries.ts";
import type { ProjectRoutesDeps } from "./project-routes.ts";

/** Most keys of a project, revoked ones included. */
const MAX_KEYS = 100;
/** What the audit says of a key: enough to tell keys apart. */
const HINT_LENGTH = 8;
const KEY = /^[0-9a-f]{32}$/;

const name = v.pipe(v.string(), v.transform(cleanText), v.trim(), v.maxLength(100));
const newKey = v.object({ name: v.optional(name, "") });
const keyChange = v.object({ name });

/** The rows of the route table about ingest keys. */
export function createKeyRoutes(deps: ProjectRoutesDeps): readonly Route[] {
  const { db, audit } = deps;
  const record = (
    tx: Queryable,
    action: AuditAction,
    { identity: actor, peer }: HttpRequest,
    projectId: number,
    key: string,
    as: string,
  ) =>
    audit.record(
      {
        action,
        actor,
        peer,
        projectId,
        subject: { kind: "key", id: key.slice(0, HINT_LENGTH) },
        data: as === "" ? {} : { name: as },
      },
      tx,
    );
  return [
    {
      method: "GET",
      path: "/v1/projects/:id/keys",
      access: "signed-in",
      role: "viewer",
      summary: "The ingest keys of a project with their last use, revoked ones included",
      handle: async (request) => ({ json: { keys: await listKeys(db, projectOf(request, "viewer")) } }),
    },
    {
      method: "POST",
      path: "/v1/projects/:id/keys",
      access: "signed-in",
      role: "admin",
      summary: "Makes another ingest key for a project: {name?}",
      handle: async (request) => {
        const id = projectOf(request, "admin");
        const wanted = request.body.length === 0 ? { name: "" } : readBody(newKey, request.body);
        const made = await db.transaction(async (tx) => {
          if (!(await lockProject(tx, id))) throw notFound();
          if ((await listKeys(tx, id)).length >= MAX_KEYS) throw new AppError("limit", `a project has at most ${MAX_KEYS} keys`);
          const key = createKey();
          const summary = await insertKey(tx, id, key, wanted.name);
          await record(tx, "key_made", request, id, key, wanted.name);
          return summary;
        });
        await deps.onChange();
        return { status: 201, json: made };
      },
    },
    {
      method: "PATCH",
      path: "/v1/projects/:id/keys/:key",
      access: "signed-in",
      role: "admin",
      summary: "Names an ingest key: {name}",
      handle: async (request) => {
        const id = projectOf(request, "admin");
        const key = keyOf(request);
        const wanted = readBody(keyChange, request.body);
        const json: KeySummary = await db.transaction(async (tx) => {
          const renamed = await renameKey(tx, id, key, wanted.name);
          if (!renamed) throw notFound();
          await record(tx, "key_renamed", request, id, key, wanted.name);
          return renamed;
        });
        return { json };
      },
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id/keys/:key",
      access: "signed-in",
      role: "admin",
      summary: "Revokes an ingest key; trackers that use it are refused, and their sockets closed, within 5 s",
      handle: async (request) => {
        const id = projectOf(request, "admin");
        const key = keyOf(request);
        await db.transaction(async (tx) => {
          if (!(await revokeKey(tx, id, key))) throw notFound();
          await record(tx, "key_revoked", request, id, key, "");
        });
        await deps.onChange();
        return { json: { revoked: true } };
      },
    },
  ];
}

function projectOf({ params, identity }: HttpRequest, least: Role): number {
  const id = readId(params["id"]);
  requireRole(identity, id, least);
  return id;
}

function keyOf({ params }: HttpRequest): string {
  const key = params["key"] ?? "";
  if (!KEY.test(key)) throw notFound();
  return key;
}
