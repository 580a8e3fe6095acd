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

const feedbackSchema = v.object({
  feedbackId: v.number(),
  receivedAt: v.number(),
  sessionId: v.nullish(v.string(), null),
  userId: v.nullish(v.string(), null),
  name: v.string(),
  email: v.string(),
  message: v.string(),
  url: v.string(),
  /** The occurrence that it is about, where there is one. */
  errorId: v.nullish(v.string(), null),
  attachments: v.optional(v.number(), 0),
});
/** What somebody wrote by an SDK's form. */
export type Feedback = v.InferOutput<typeof feedbackSchema>;

/** What came into a project. */
export function readIntake(projectId: number, signal?: AbortSignal): Promise<IntakeReport> {
  return request("GET", `/v1/projects/${projectId}/intake`, intakeSchema, { signal });
}

/** What of a project could not be digested, a page of it, the newest first. */
export async function readDeadLetters(
  projectId: number,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<{ items: DeadLetter[]; nextCursor: string | null }> {
  const schema = v.object({ deadLetters: v.array(deadLetterSchema), nextCursor: v.nullish(v.string(), null) });
  const page = await request("GET", withQuery("/v1/dead-letters", { project: projectId, cursor }), schema, { signal });
  return { items: page.deadLetters, nextCursor: page.nextCursor };
}

/** Has it digested once more. */
export async function retryDeadLetter(id: number): Promise<void> {
  await request("POST", `/v1/dead-letters/${id}/retry`, v.unknown());
}

/** Throws it away. */
export async function dropDeadLetter(id: number): Promise<void> {
  await request("DELETE", `/v1/dead-letters/${id}`, v.unknown());
}

/** What people wrote, a page of it, the newest first. */
export async function readFeedback(
  projectId: number,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<{ items: Feedback[]; nextCursor: string | null }> {
  const schema = v.object({ feedback: v.array(feedbackSchema), nextCursor: v.nullish(v.string(), null) });
  const page = await request("GET", withQuery(`/v1/projects/${projectId}/feedback`, { cursor }), schema, { signal });
  return { items: page.feedback, nextCursor: page.nextCursor };
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
