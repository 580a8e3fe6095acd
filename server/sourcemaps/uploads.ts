/** Takes uploads: puts the pieces together, has the whole read in a thread, and writes down what it held. */

import { createHash, webcrypto } from "node:crypto";
import * as v from "valibot";
import { AppError } from "../app-error.ts";
import type { AuditActor, AuditTrail } from "../audit-trail.ts";
import type { Database, Queryable } from "../db/db.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Logger } from "../log.ts";
import { fileNameOf, type UploadFacts } from "./artifact.ts";
import {
  beginBundle,
  failBundle,
  fillBundle,
  findBundle,
  readBundle,
  storedBytesOf,
  type Bundle,
  type NewBundle,
} from "./artifact-queries.ts";
import { chunkBytesOf, insertChunk, missingChunks, readChunk, removeChunks } from "./chunk-queries.ts";
import type { Threads } from "./threads.ts";

/** What a tool asks to be put together. */
export interface Assembly {
  projectId: number;
  /** SHA-1 of the whole, hex. */
  checksum: string;
  chunks: readonly string[];
  release: string;
  dist: string;
}

/** How far that is, in the words of the tools. */
export interface AssemblyState {
  state: "not_found" | "created" | "ok" | "error";
  missingChunks: string[];
  detail?: string;
}

/** Who uploads. */
export interface Uploader {
  /** Whose pieces are looked at. */
  owner: string;
  /** What is shown of him. */
  name: string;
  actor: AuditActor;
  peer: string;
}

/** What it is built from. */
export interface UploadsDeps {
  db: Database;
  audit: AuditTrail;
  log: Logger;
  jobs: Pick<Jobs, "define" | "add">;
  threads: Threads;
  /** Most bytes that the uploads of a project take. */
  maxProjectBytes: number;
  /** An upload is there: called in its transaction, and after it. */
  whileReady: (tx: Queryable, bundleId: number) => Promise<void>;
  onReady: () => void;
}

export interface Uploads {
  /**
   * Keeps a piece.
   * @throws AppError `protocol` where its checksum is another, `limit` where too many of the same sender lie here
   */
  keepChunk(uploader: Uploader, checksum: string, body: Uint8Array): Promise<void>;
  assemble(uploader: Uploader, assembly: Assembly): Promise<AssemblyState>;
  /**
   * Takes an upload in one piece.
   * @throws AppError `protocol` for one that cannot be read
   */
  take(uploader: Uploader, projectId: number, bytes: Uint8Array, facts: UploadFacts): Promise<Bundle>;
}

const MIB = 1024 * 1024;
/** Largest upload of several pieces. */
export const MAX_UPLOAD_BYTES = 128 * MIB;
const MAX_OWNED_BYTES = 2 * MAX_UPLOAD_BYTES;
/** A reading that takes longer is over: its process is gone. */
const READING_MS = 10 * 60_000;
/** For so long a failed upload is answered with its fault; after that it may be tried again. */
const FAILED_MS = 60_000;
const READ_JOB = "sourcemaps_read";

const readPayload = v.object({
  bundleId: v.number(),
  projectId: v.number(),
  owner: v.string(),
  checksum: v.string(),
  chunks: v.array(v.string()),
  release: v.string(),
  dist: v.string(),
});

/** Builds it. */
export function createUploads(deps: UploadsDeps): Uploads {
  const { db, audit, log, jobs, threads } = deps;

  /** Reads the bytes of an upload that was begun; its fault is written down and returned. */
  async function readInto(bundleId: number, projectId: number, bytes: Uint8Array, facts: UploadFacts): Promise<string | null> {
    const fault = await read(bundleId, projectId, bytes, facts);
    if (fault === null) deps.onReady();
    else await failBundle(db, bundleId, fault);
    return fault;
  }

  async function read(bundleId: number, projectId: number, bytes: Uint8Array, facts: UploadFacts): Promise<string | null> {
    const result = await threads.perform({ kind: "read", bytes, facts });
    if (result.kind === "refused") return result.reason;
    if (result.kind !== "read") return "it is too large, or takes too long to read";
    const { upload } = result;
    if (!upload.scripts.some(({ map }) => map !== null)) return ["it holds no source map", ...upload.notes].join("; ");
    if (upload.release === "" && !upload.scripts.some(({ debugId }) => debugId !== null))
      return "it names no release, and its files have no debug ids: no error would find them";
    const size = upload.scripts.reduce((sum, { map, source }) => sum + (map?.length ?? 0) + (source?.length ?? 0), 0);
    if ((await storedBytesOf(db, projectId)) + size > deps.maxProjectBytes)
      return `the project has as many source maps as it may (${Math.round(deps.maxProjectBytes / MIB)} MB); remove some`;
    await db.transaction(async (tx) => {
      if (await fillBundle(tx, bundleId, upload, fileNameOf)) await deps.whileReady(tx, bundleId);
    });
    return null;
  }

  /** Writes an upload down, and who sends it. */
  async function begin(tx: Queryable, { name, actor, peer }: Uploader, bundle: Omit<NewBundle, "uploadedBy">): Promise<number> {
    const id = await beginBundle(tx, { ...bundle, uploadedBy: name });
    const { projectId, release, dist } = bundle;
    const subject = { kind: "source_maps", id: String(id) };
    await audit.record({ action: "source_maps_uploaded", actor, peer, projectId, subject, data: { release, dist } }, tx);
    return id;
  }

  jobs.define(READ_JOB, async (payload) => {
    const job = v.parse(readPayload, payload);
    const { bundleId, projectId, owner, chunks, release, dist } = job;
    const bytes = await join(db, owner, chunks);
    if (bytes === null) return failBundle(db, bundleId, "some of its pieces are gone; upload it again");
    const isWhole = (await sha1(bytes)) === job.checksum;
    const fault = isWhole
      ? await readInto(bundleId, projectId, bytes, { release, dist, url: "", debugId: null })
      : "its pieces are not what its checksum says";
    if (fault !== null) {
      log.info("an upload of source maps could not be read", { projectId, bundleId, fault });
      await failBundle(db, bundleId, fault);
    }
    return removeChunks(db, owner, job.checksum, chunks);
  });

  return {
    async keepChunk({ owner }, checksum, body) {
      if ((await sha1(body)) !== checksum) throw new AppError("protocol", "a chunk is not what its checksum says");
      if ((await chunkBytesOf(db, owner)) + body.length > MAX_OWNED_BYTES)
        throw new AppError("limit", "too many chunks were sent that nothing was made of; they are gone after a day");
      await insertChunk(db, owner, checksum, body);
    },
    async assemble(uploader, { projectId, checksum, chunks, release, dist }) {
      const { owner } = uploader;
      const known = await findBundle(db, projectId, checksum);
      if (known?.state === "ready") return { state: "ok", missingChunks: [] };
      if (known?.state === "reading" && known.ageMs < READING_MS) return { state: "created", missingChunks: [] };
      if (known?.state === "failed" && known.ageMs < FAILED_MS)
        return { state: "error", missingChunks: [], detail: known.fault ?? "it could not be read" };
      const missing = await missingChunks(db, owner, chunks);
      if (missing.length > 0 || chunks.length === 0) return { state: "not_found", missingChunks: missing };
      await db.transaction(async (tx) => {
        const bundleId = await begin(tx, uploader, { projectId, checksum, release, dist });
        const payload = { bundleId, projectId, owner, checksum, chunks, release, dist };
        // One after the other: each may take a lot of memory.
        await jobs.add(READ_JOB, payload, { queue: READ_JOB, key: `${READ_JOB} ${bundleId}`, maxAttempts: 5 }, tx);
      });
      return { state: "created", missingChunks: [] };
    },
    async take(uploader, projectId, bytes, facts) {
      const said = JSON.stringify([facts.release, facts.dist, facts.url, facts.debugId]);
      const checksum = createHash("sha1")
        .update(said)
        .update(await sha1(bytes))
        .digest("hex");
      const known = await findBundle(db, projectId, checksum);
      const { release, dist } = facts;
      const id =
        known?.state === "ready"
          ? known.id
          : await db.transaction((tx) => begin(tx, uploader, { projectId, checksum, release, dist }));
      const fault = known?.state === "ready" ? null : await readInto(id, projectId, bytes, facts);
      const bundle = await readBundle(db, projectId, id);
      if (fault !== null || !bundle) throw new AppError("protocol", fault ?? "it was removed while it was read");
      return bundle;
    },
  };
}

/** The pieces as one; null where some are gone, or it is too large. */
async function join(db: Database, owner: string, chunks: readonly string[]): Promise<Uint8Array | null> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (const checksum of chunks) {
    const piece = await readChunk(db, owner, checksum);
    size += piece?.length ?? 0;
    if (!piece || size > MAX_UPLOAD_BYTES) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces, size);
}

/** Off the event loop: pieces are megabytes. */
async function sha1(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest("SHA-1", bytes)).toString("hex");
}
