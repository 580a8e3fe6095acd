/** Routes of projects: administrators make them, their admins change them, their owners remove them, their members read them. */

import * as v from "valibot";
import { cleanText } from "../../protocol/text.ts";
import type { AuditTrail } from "../audit-trail.ts";
import { type Identity, requireRole, roleIn } from "../auth/auth.ts";
import type { Database } from "../db/db.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import {
  createKey,
  insertProject,
  listProjects,
  lockProject,
  removeProject,
  SlugTaken,
  updateProject,
} from "./project-queries.ts";
import { changeSettings, describeChange, settingsChangeSchema } from "./project-settings.ts";
import type { Project } from "./projects.ts";

const name = v.pipe(v.string(), v.transform(cleanText), v.trim(), v.minLength(1), v.maxLength(100));
const slug = v.pipe(
  v.string(),
  v.check((text) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text), "expected 1 to 63 of a-z, 0-9 and - within"),
);
const newProject = v.object({ name, slug: v.optional(slug) });
const projectChange = v.object({ name: v.optional(name), slug: v.optional(slug), settings: v.optional(settingsChangeSchema) });

/** What the routes are built from. */
export interface ProjectRoutesDeps {
  db: Database;
  audit: AuditTrail;
  /** A project or key was made, changed, revoked or removed. */
  onChange: () => Promise<void>;
}

/** The rows of the route table about projects. */
export function createProjectRoutes(deps: ProjectRoutesDeps): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/v1/projects",
      access: "signed-in",
      summary: "The projects you may see, with your role, settings and ingest keys",
      handle: async ({ identity }) => {
        const projects = await listProjects(deps.db);
        return { json: { projects: projects.flatMap((project) => shown(project, identity)) } };
      },
    },
    {
      method: "POST",
      path: "/v1/projects",
      access: "admin",
      summary: "Makes a project with one ingest key, and you its owner: {name, slug?}",
      handle: (request) => createProject(deps, request),
    },
    {
      method: "PATCH",
      path: "/v1/projects/:id",
      access: "signed-in",
      role: "admin",
      summary: "Changes name, slug or settings: {name?, slug?, settings?}; of the settings, what is named is replaced",
      handle: (request) => changeProject(deps, request),
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id",
      access: "signed-in",
      role: "owner",
      summary:
        "Removes a project: its sockets are cut and its keys refused within 5 s, its data goes with the next run of retention",
      handle: async (request) => {
        const id = readId(request.params["id"]);
        requireRole(request.identity, id, "owner");
        await deps.db.transaction(async (tx) => {
          const project = await lockProject(tx, id);
          if (!project) throw notFound();
          await removeProject(tx, id);
          const { identity: actor, peer } = request;
          const subject = { kind: "project", id: String(id) };
          const data = { name: project.name, slug: project.slug };
          await deps.audit.record({ action: "project_removed", actor, peer, projectId: id, subject, data }, tx);
        });
        await deps.onChange();
        return { json: { removed: true } };
      },
    },
  ];
}

async function createProject(deps: ProjectRoutesDeps, { body, identity, peer }: HttpRequest) {
  const wanted = readBody(newProject, body);
  const insert = (slugWanted: string) =>
    deps.db.transaction(async (tx) => {
      const ownerId = identity.kind === "nobody" ? null : identity.userId;
      const project = await insertProject(tx, wanted.name, slugWanted, ownerId);
      const subject = { kind: "project", id: String(project.id) };
      const data = { name: project.name, slug: project.slug };
      await deps.audit.record({ action: "project_made", actor: identity, peer, projectId: project.id, subject, data }, tx);
      return project;
    });
  let project: Project;
  try {
    project = await insert(wanted.slug ?? slugOf(wanted.name));
  } catch (error) {
    if (wanted.slug !== undefined || !(error instanceof SlugTaken)) throw error;
    project = await insert(`${slugOf(wanted.name)}-${createKey().slice(0, 6)}`);
  }
  await deps.onChange();
  return { status: 201, json: { ...project, role: "owner" } };
}

async function changeProject(deps: ProjectRoutesDeps, { params, body, identity, peer }: HttpRequest) {
  const id = readId(params["id"]);
  requireRole(identity, id, "admin");
  const change = readBody(projectChange, body);
  const project = await deps.db.transaction(async (tx) => {
    const before = await lockProject(tx, id);
    if (!before) throw notFound();
    const settings = changeSettings(before.settings, change.settings ?? {});
    const after: Project = { ...before, name: change.name ?? before.name, slug: change.slug ?? before.slug, settings };
    const data: Record<string, string> = describeChange(before.settings, settings);
    if (after.name !== before.name) data["name"] = `${before.name} -> ${after.name}`;
    if (after.slug !== before.slug) data["slug"] = `${before.slug} -> ${after.slug}`;
    if (Object.keys(data).length === 0) return before;
    await updateProject(tx, id, after);
    const subject = { kind: "project", id: String(id) };
    await deps.audit.record({ action: "project_changed", actor: identity, peer, projectId: id, subject, data }, tx);
    return after;
  });
  await deps.onChange();
  return { json: shown(project, identity)[0] };
}

/** A project as somebody who may see it is told of it; nothing for everybody else. */
function shown(project: Project, identity: Identity) {
  const role = roleIn(identity, project.id);
  return role === null ? [] : [{ ...project, role }];
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
