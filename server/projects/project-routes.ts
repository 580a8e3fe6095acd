/** Routes of projects: administrators make and change them, members read their own. */

import * as v from "valibot";
import { cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import { maySee } from "../auth/auth.ts";
import type { Database } from "../db/db.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { createKey, insertKey, insertProject, listKeys, listProjects, revokeKey, updateProject } from "./project-queries.ts";

const MAX_KEYS = 100;
const KEY = /^[0-9a-f]{32}$/;

const name = v.pipe(v.string(), v.transform(cleanText), v.trim(), v.minLength(1), v.maxLength(100));
const slug = v.pipe(v.string(), v.regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "expected a-z, 0-9 and - within"));
const newProject = v.object({ name, slug: v.optional(slug) });
const projectChange = v.object({ name: v.optional(name), slug: v.optional(slug) });

/** What the routes are built from. */
export interface ProjectRoutesDeps {
  db: Database;
  /** A project or key was made, changed or revoked. */
  onChange: () => void;
}

/** The rows of the route table that belong to this room. */
export function createProjectRoutes({ db, onChange }: ProjectRoutesDeps): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/v1/projects",
      access: "signed-in",
      summary: "The projects you may see, with their ingest keys",
      handle: async ({ identity }) => {
        const projects = await listProjects(db);
        return { json: { projects: projects.filter((project) => maySee(identity, project.id)) } };
      },
    },
    {
      method: "POST",
      path: "/v1/projects",
      access: "admin",
      summary: "Makes a project with one ingest key: {name, slug?}",
      handle: async ({ body }) => {
        const wanted = readBody(newProject, body);
        const project = wanted.slug
          ? await insertProject(db, wanted.name, wanted.slug)
          : ((await insertProject(db, wanted.name, slugOf(wanted.name))) ??
            (await insertProject(db, wanted.name, `${slugOf(wanted.name)}-${createKey().slice(0, 6)}`)));
        if (!project) throw new AppError("protocol", "slug: another project has it");
        onChange();
        return { status: 201, json: project };
      },
    },
    {
      method: "PATCH",
      path: "/v1/projects/:id",
      access: "admin",
      summary: "Changes the name or slug of a project: {name?, slug?}",
      handle: async (request) => {
        const project = await updateProject(db, visibleId(request), readBody(projectChange, request.body));
        if (!project) throw notFound();
        if (project === "taken") throw new AppError("protocol", "slug: another project has it");
        onChange();
        return { json: project };
      },
    },
    {
      method: "GET",
      path: "/v1/projects/:id/keys",
      access: "signed-in",
      summary: "The ingest keys of a project, revoked ones included",
      handle: async (request) => ({ json: { keys: await listKeys(db, visibleId(request)) } }),
    },
    {
      method: "POST",
      path: "/v1/projects/:id/keys",
      access: "admin",
      summary: "Makes another ingest key for a project",
      handle: async (request) => {
        const id = visibleId(request);
        const keys = await listKeys(db, id);
        if (keys.length >= MAX_KEYS) throw new AppError("limit", `a project has at most ${MAX_KEYS} keys`);
        const key = createKey();
        await insertKey(db, id, key);
        onChange();
        return { status: 201, json: (await listKeys(db, id)).find((one) => one.key === key) };
      },
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id/keys/:key",
      access: "admin",
      summary: "Revokes an ingest key; trackers that use it are refused within 5 s",
      handle: async (request) => {
        const id = visibleId(request);
        const key = request.params["key"] ?? "";
        if (!KEY.test(key) || !(await revokeKey(db, id, key))) throw notFound();
        onChange();
        return { json: { revoked: true } };
      },
    },
  ];
}

function visibleId({ params, identity }: HttpRequest): number {
  const id = readId(params["id"]);
  if (!maySee(identity, id)) throw notFound();
  return id;
}

function slugOf(text: string): string {
  const letters = text
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replaceAll(/^-+|-+$/g, "");
  return letters === "" ? "project" : letters;
}
