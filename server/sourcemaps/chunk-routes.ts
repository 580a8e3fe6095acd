/**
 * The three routes that `sentry-cli sourcemaps upload` and the bundler plugins of Sentry call, unmodified: what may be sent, pieces, and what
 * they make together. The organization in the path means nothing; the project is in the body, by slug or id.
 */

import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import * as v from "valibot";
import { AppError } from "../app-error.ts";
import { actorOf } from "../audit-trail.ts";
import { type Identity, isBelow, requireMapUpload } from "../auth/auth.ts";
import type { Database } from "../db/db.ts";
import { notFound, readBody } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { boundaryOf, readMultipart } from "./multipart.ts";
import { MAX_UPLOAD_BYTES, type AssemblyState, type Uploader, type Uploads } from "./uploads.ts";

const MIB = 1024 * 1024;
const CHUNK_BYTES = 2 * MIB;
/** Two requests at once stay within what one address may have under way. */
const CHUNKS_PER_REQUEST = 2;
const MAX_PROJECTS = 20;
const gunzipAsync = promisify(gunzip);

const sha1 = v.pipe(v.string(), v.regex(/^[0-9a-f]{40}$/));
const text = v.nullish(v.pipe(v.string(), v.maxLength(250)), "");
const assembly = v.object({
  checksum: sha1,
  chunks: v.pipe(v.array(sha1), v.maxLength(Math.ceil(MAX_UPLOAD_BYTES / CHUNK_BYTES) + 1)),
  projects: v.pipe(
    v.array(v.pipe(v.union([v.string(), v.number()]), v.transform(String), v.maxLength(100))),
    v.minLength(1),
    v.maxLength(MAX_PROJECTS),
  ),
  version: text,
  dist: text,
});

/** What the routes are built from. */
export interface ChunkRoutesDeps {
  db: Database;
  uploads: Uploads;
  /** Base address under which we are reached, as the configuration says. */
  publicUrl: string;
}

/** Who uploads, as far as pieces, lists and the audit need it. */
export function uploaderOf({ identity, peer }: Pick<HttpRequest, "identity" | "peer">): Uploader {
  const actor = actorOf(identity);
  switch (identity.kind) {
    case "nobody":
      return { owner: "", name: "", actor, peer };
    case "user":
      return { owner: `user:${identity.userId}`, name: identity.email, actor, peer };
    case "token":
      return { owner: `token:${identity.tokenId}`, name: identity.email ?? `token ${identity.tokenId}`, actor, peer };
    default:
      return identity satisfies never;
  }
}

/** The rows of the route table that tools of Sentry call. */
export function createChunkRoutes({ db, uploads, publicUrl }: ChunkRoutesDeps): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/0/organizations/:org/chunk-upload/",
      access: "signed-in",
      summary: "For sentry-cli and the bundler plugins: how source maps are sent in pieces",
      handle: ({ params, headers }) => ({
        json: {
          url: `${baseOf(headers, publicUrl)}/api/0/organizations/${encodeURIComponent(params["org"] ?? "")}/chunk-upload/`,
          chunkSize: CHUNK_BYTES,
          chunksPerRequest: CHUNKS_PER_REQUEST,
          maxRequestSize: CHUNKS_PER_REQUEST * CHUNK_BYTES,
          maxFileSize: MAX_UPLOAD_BYTES,
          concurrency: 2,
          hashAlgorithm: "sha1",
          compression: ["gzip"],
          accept: ["release_files", "sources", "artifact_bundles", "artifact_bundles_v2"],
        },
      }),
    },
    {
      method: "POST",
      path: "/api/0/organizations/:org/chunk-upload/",
      access: "signed-in",
      scope: "sourcemaps",
      anyBody: true,
      maxBodyBytes: CHUNKS_PER_REQUEST * CHUNK_BYTES + MIB,
      summary: "For sentry-cli and the bundler plugins: pieces of source maps, named by their SHA-1",
      handle: async (request) => {
        await keepChunks(uploads, request);
        return { json: {} };
      },
    },
    {
      method: "POST",
      path: "/api/0/organizations/:org/artifactbundle/assemble/",
      access: "signed-in",
      role: "member",
      scope: "sourcemaps",
      summary:
        "For sentry-cli and the bundler plugins: makes an upload of its pieces, or says which are missing and how far it is",
      handle: async (request) => {
        const wanted = readBody(assembly, request.body);
        const projectIds = await findProjects(db, request.identity, wanted.projects);
        const { checksum, chunks, version: release, dist } = wanted;
        const states: AssemblyState[] = [];
        for (const projectId of projectIds)
          states.push(await uploads.assemble(uploaderOf(request), { projectId, checksum, chunks, release, dist }));
        return { json: furthestBack(states) };
      },
    },
  ];
}

/** The address that the tool has called: some of them send their token nowhere else. */
function baseOf(headers: Readonly<Record<string, string>>, publicUrl: string): string {
  const host = headers["host"] ?? "";
  if (!/^(?:[\w.-]{1,253}|\[[\da-f:.]{2,45}\])(?::\d{1,5})?$/i.test(host) || host === new URL(publicUrl).host) return publicUrl;
  return `${headers["x-forwarded-proto"] === "https" ? "https" : "http"}://${host}`;
}

async function keepChunks(uploads: Uploads, request: HttpRequest): Promise<void> {
  const { identity, headers, body } = request;
  if (identity.kind === "nobody" || ![...identity.roles.values()].some((role) => !isBelow(role, "member")))
    throw new AppError("forbidden", "this takes the role member in a project");
  const boundary = boundaryOf(headers["content-type"]);
  const parts = boundary === null ? null : readMultipart(body, boundary, CHUNKS_PER_REQUEST);
  if (parts === null) throw new AppError("protocol", `expected multipart/form-data with at most ${CHUNKS_PER_REQUEST} chunks`);
  for (const part of parts) {
    if (!/^[0-9a-f]{40}$/.test(part.fileName)) throw new AppError("protocol", "a chunk is named by its SHA-1");
    const chunk = part.name === "file_gzip" ? await inflate(part.body) : part.body;
    if (chunk.length > CHUNK_BYTES) throw new AppError("too_large", `a chunk has more than ${CHUNK_BYTES} bytes`);
    await uploads.keepChunk(uploaderOf(request), part.fileName, chunk);
  }
}

async function inflate(bytes: Uint8Array): Promise<Uint8Array> {
  try {
    return await gunzipAsync(bytes, { maxOutputLength: CHUNK_BYTES });
  } catch (error) {
    if (error instanceof RangeError)
      throw new AppError("too_large", `a chunk has more than ${CHUNK_BYTES} bytes`, { cause: error });
    throw new AppError("protocol", "a chunk is no gzip", { cause: error });
  }
}

/**
 * The ids of the projects that a tool names, by slug or id.
 * @throws AppError `not_found` for one that is not there and for one that is not for this identity, `forbidden` where its role is too low
 */
async function findProjects(db: Database, identity: Identity, names: readonly string[]): Promise<number[]> {
  const rows = await db.query<{ id: number; slug: string }>(
    "SELECT id, slug FROM projects WHERE removed_at IS NULL AND (slug = ANY($1) OR id::text = ANY($1))",
    [names],
  );
  const ids = names.map((name) => (rows.find(({ slug }) => slug === name) ?? rows.find(({ id }) => String(id) === name))?.id);
  return [...new Set(ids)].map((id) => {
    if (id === undefined) throw notFound();
    requireMapUpload(identity, id);
    return id;
  });
}

/** One answer for several projects: they are done when all are. */
function furthestBack(states: readonly AssemblyState[]): AssemblyState {
  const worst = (["error", "not_found", "created"] as const).find((state) => states.some((one) => one.state === state));
  return states.find(({ state }) => state === worst) ?? { state: "ok", missingChunks: [] };
}
