/** Sessions as files, and such files as sessions. */

import * as v from "valibot";
import { ApiError, request } from "./api.ts";

/** Forms in which a session leaves. */
export const EXPORT_FORMATS = ["html", "json", "webm"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Part of a session, in page time; null: from its beginning, or to its end. */
export interface ExportRange {
  from: number | null;
  to: number | null;
}

const state = v.object({ refusal: v.nullable(v.string()) });
const optionsSchema = v.object({
  batchCount: v.number(),
  eventCount: v.number(),
  payloadBytes: v.number(),
  formats: v.object({ html: state, json: state, webm: state }),
});
/** How much would leave, and for each form why it cannot. */
export type ExportOptions = v.InferOutput<typeof optionsSchema>;

const importedSchema = v.object({ sessionId: v.string(), batchCount: v.number(), byteCount: v.number() });
/** What became of a file. */
export type ImportedSession = v.InferOutput<typeof importedSchema>;

/** Largest file that the server takes; JSON is packed before it is sent. */
export const MAX_IMPORT_BYTES = 16 * 1024 * 1024;

function queryOf(range: ExportRange, format?: ExportFormat): string {
  const query = new URLSearchParams();
  if (format) query.set("format", format);
  if (range.from !== null) query.set("from", String(Math.floor(range.from)));
  if (range.to !== null) query.set("to", String(Math.ceil(range.to)));
  return query.size > 0 ? `?${query.toString()}` : "";
}

/** What can be exported of a session. */
export function readExportOptions(sessionId: string, range: ExportRange, signal?: AbortSignal): Promise<ExportOptions> {
  return request("GET", `/v1/sessions/${sessionId}/export-options${queryOf(range)}`, optionsSchema, { signal });
}

/** Address of the file, for a link that saves it. */
export function exportAddress(sessionId: string, format: ExportFormat, range: ExportRange): string {
  return `/v1/sessions/${sessionId}/export${queryOf(range, format)}`;
}

/**
 * Makes a session of a file.
 * @throws ApiError that says why that could not be
 */
export async function importFile(projectId: number, file: Blob): Promise<ImportedSession> {
  const body = await pack(file);
  if (body.size > MAX_IMPORT_BYTES) throw tooLarge("the file is too large: 16 MB is the most");
  const response = await fetch(`/v1/projects/${projectId}/imports`, {
    method: "POST",
    credentials: "same-origin",
    headers: { Accept: "application/json", "Content-Type": "application/octet-stream" },
    body,
  }).catch(() => {
    throw new ApiError(0, "unreachable", "The server cannot be reached.");
  });
  const answer: unknown = await response.json().catch(() => null);
  const imported = v.safeParse(importedSchema, answer);
  if (response.ok && imported.success) return imported.output;
  const fault = v.safeParse(v.object({ error: v.object({ code: v.string(), message: v.string() }) }), answer);
  if (response.status === 413)
    throw tooLarge(fault.success ? fault.output.error.message : "the file is too large for this server");
  if (fault.success) throw new ApiError(response.status, fault.output.error.code, fault.output.error.message);
  throw new ApiError(response.status, "internal", `The server answered ${response.status}.`);
}

function tooLarge(what: string): ApiError {
  return new ApiError(413, "too_large", `${what}. Export a shorter part of the session, and import that.`);
}

/** JSON behind gzip; a page is packed already. */
async function pack(file: Blob): Promise<Blob> {
  const start = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  const isJson = new TextDecoder().decode(start).trimStart().startsWith("{");
  return isJson ? new Response(file.stream().pipeThrough(new CompressionStream("gzip"))).blob() : file;
}
