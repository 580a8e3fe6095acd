/** Projects, their settings and their ingest keys. */

import * as v from "valibot";
import { ASSIST_POWERS } from "../../protocol/assist.ts";
import { MASK_TEXT } from "../../protocol/tracker-messages.ts";
import { request } from "./api.ts";

const texts = v.optional(v.array(v.string()), []);
const limit = v.optional(v.nullable(v.number()), null);

const privacySchema = v.object({
  maskAllInputs: v.optional(v.boolean(), true),
  maskText: v.optional(v.picklist(MASK_TEXT), "sensitive"),
  maskTextSelector: v.optional(v.string(), ""),
  blockSelector: v.optional(v.string(), ""),
  recordConsole: v.optional(v.boolean(), true),
  recordNetwork: v.optional(v.boolean(), true),
  recordBodies: v.optional(v.boolean(), false),
  respectDoNotTrack: v.optional(v.boolean(), false),
});

const redactionSchema = v.object({
  enabled: v.optional(v.boolean(), true),
  payloads: v.optional(v.boolean(), false),
  keys: texts,
  allow: texts,
  patterns: texts,
});

const issuesSchema = v.object({
  routeSplits: v.optional(v.boolean(), true),
  placeJoins: v.optional(v.boolean(), true),
  promoteAfterSessions: v.optional(v.number(), 2),
});

const assistSchema = v.object({
  enabled: v.optional(v.boolean(), true),
  powers: v.optional(v.array(v.picklist(ASSIST_POWERS)), [...ASSIST_POWERS]),
});

export const settingsSchema = v.object({
  allowedOrigins: texts,
  sampleRate: v.optional(v.number(), 1),
  privacy: v.optional(privacySchema, {}),
  redaction: v.optional(redactionSchema, {}),
  issues: v.optional(issuesSchema, {}),
  assist: v.optional(assistSchema, {}),
  retentionDays: limit,
  errorRetentionDays: limit,
  storageBudgetBytes: limit,
  limits: v.optional(v.object({ maxEventsPerSession: limit, maxSocketsPerKey: limit, batchesPerSecond: limit }), {}),
});
/** What can be set in a project; null stands for what the installation says. */
export type ProjectSettings = v.InferOutput<typeof settingsSchema>;

/** What holds where nothing was set, and for those who are not told. */
export const DEFAULT_SETTINGS: ProjectSettings = v.parse(settingsSchema, {});

export const projectSchema = v.object({
  id: v.number(),
  name: v.string(),
  slug: v.string(),
  keys: v.array(v.string()),
  /** Absent for those who may only watch. */
  settings: v.optional(settingsSchema),
});
export type Project = v.InferOutput<typeof projectSchema>;

const keySchema = v.object({
  key: v.string(),
  name: v.optional(v.string(), ""),
  createdAt: v.number(),
  lastUsedAt: v.nullish(v.number(), null),
  revokedAt: v.nullish(v.number(), null),
});
/** An ingest key: permits writing only, and is public by nature. */
export type ProjectKey = v.InferOutput<typeof keySchema>;

/** What a change of a project may hold. */
export interface ProjectChange {
  name?: string;
  slug?: string;
  settings?: Partial<ProjectSettings>;
}

/** The projects that the reader may see, with their ingest keys. */
export async function readProjects(): Promise<Project[]> {
  return (await request("GET", "/v1/projects", v.object({ projects: v.array(projectSchema) }))).projects;
}

/** Makes a project with one ingest key; without a slug the server makes one of the name. */
export function createProject(name: string, slug: string): Promise<Project> {
  return request("POST", "/v1/projects", projectSchema, { body: slug === "" ? { name } : { name, slug } });
}

/** Changes what is named and leaves the rest. */
export async function changeProject(id: number, change: ProjectChange): Promise<void> {
  await request("PATCH", `/v1/projects/${id}`, v.unknown(), { body: change });
}

/** Removes a project with everything in it. */
export async function removeProject(id: number): Promise<void> {
  await request("DELETE", `/v1/projects/${id}`, v.unknown());
}

/** The ingest keys of a project, revoked ones included. */
export async function readKeys(projectId: number): Promise<ProjectKey[]> {
  return (await request("GET", `/v1/projects/${projectId}/keys`, v.object({ keys: v.array(keySchema) }))).keys;
}

/** Makes another ingest key. */
export function createKey(projectId: number, name: string): Promise<ProjectKey> {
  return request("POST", `/v1/projects/${projectId}/keys`, keySchema, { body: { name } });
}

/** Gives a key another name. */
export async function renameKey(projectId: number, key: string, name: string): Promise<void> {
  await request("PATCH", `/v1/projects/${projectId}/keys/${encodeURIComponent(key)}`, v.unknown(), { body: { name } });
}

/** Makes a key useless: pages that send with it are refused. */
export async function revokeKey(projectId: number, key: string): Promise<void> {
  await request("DELETE", `/v1/projects/${projectId}/keys/${encodeURIComponent(key)}`, v.unknown());
}
