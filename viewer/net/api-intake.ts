/** What SDKs sent and what became of it: counts, what could not be digested, files that came with an error. */

import * as v from "valibot";
import { request, withQuery } from "./api.ts";

const intakeSchema = v.object({
  firstEventAt: v.nullish(v.number(), null),
  lastEventAt: v.nullish(v.number(), null),
  lastSdk: v.nullish(v.object({ name: v.string(), version: v.string() }), null),
  firstSessionAt: v.nullish(v.number(), null),
  waiting: v.optional(v.number(), 0),
  dead: v.optional(v.number(), 0),
  acceptedByCategory: v.optional(v.record(v.string(), v.number()), {}),
  dropped: v.optional(
    v.array(v.object({ category: v.string(), outcome: v.string(), reason: v.optional(v.string(), ""), count: v.number() })),
    [],
  ),
});
/** What came into a project, and what of it was dropped, in the last day. */
export type IntakeReport = v.InferOutput<typeof intakeSchema>;

const deadLetterSchema = v.object({
  id: v.number(),
  projectId: v.number(),
  kind: v.string(),
  receivedAt: v.number(),
  deadAt: v.nullish(v.number(), null),
  attempts: v.optional(v.number(), 0),
  fault: v.nullish(v.string(), ""),
  eventId: v.nullish(v.string(), ""),
  bytes: v.nullish(v.number(), null),
});
/** Something that was accepted and could not be digested. */
export type DeadLetter = v.InferOutput<typeof deadLetterSchema>;

const attachmentSchema = v.object({
  ordinal: v.number(),
  name: v.string(),
  contentType: v.optional(v.string(), ""),
  kind: v.optional(v.string(), ""),
  bytes: v.number(),
});
/** A file that came with an error. */
export type Attachment = v.InferOutput<typeof attachmentSchema>;

/** What came into a project. */
export function readIntake(projectId: number, signal?: AbortSignal): Promise<IntakeReport> {
  return request("GET", `/v1/projects/${projectId}/intake`, intakeSchema, { signal });
}

/** What of a project could not be digested. */
export async function readDeadLetters(projectId: number, signal?: AbortSignal): Promise<DeadLetter[]> {
  const schema = v.object({ deadLetters: v.array(deadLetterSchema) });
  return (await request("GET", withQuery("/v1/dead-letters", { project: projectId }), schema, { signal })).deadLetters;
}

/** Has it digested once more. */
export async function retryDeadLetter(id: number): Promise<void> {
  await request("POST", `/v1/dead-letters/${id}/retry`, v.unknown());
}

/** Throws it away. */
export async function dropDeadLetter(id: number): Promise<void> {
  await request("DELETE", `/v1/dead-letters/${id}`, v.unknown());
}

/** The files that came with an error. */
export async function readAttachments(errorId: string, signal?: AbortSignal): Promise<Attachment[]> {
  const schema = v.object({ attachments: v.array(attachmentSchema) });
  return (await request("GET", `/v1/errors/${encodeURIComponent(errorId)}/attachments`, schema, { signal })).attachments;
}

/** Where such a file is saved from. */
export function attachmentHref(errorId: string, ordinal: number): string {
  return `/v1/errors/${encodeURIComponent(errorId)}/attachments/${ordinal}`;
}
