/** Sessions: the list, one of them, its errors, pins, and erasing. */

import * as v from "valibot";
import { MARKER_KINDS } from "../../protocol/markers.ts";
import { sessionSummarySchema, tabSummarySchema } from "../../protocol/session.ts";
import { request } from "./api.ts";

const scalar = v.union([v.string(), v.number(), v.boolean(), v.null()]);

const sessionPageSchema = v.object({
  sessions: v.array(sessionSummarySchema),
  nextCursor: v.nullish(v.string(), null),
});
export type SessionPage = v.InferOutput<typeof sessionPageSchema>;

const storedMarkerSchema = v.object({
  kind: v.picklist(MARKER_KINDS),
  at: v.number(),
  name: v.optional(v.string(), ""),
  text: v.optional(v.string(), ""),
  data: v.optional(v.record(v.string(), scalar), {}),
  tab: v.string(),
  errorId: v.optional(v.nullable(v.string()), null),
});

/** One session as the server tells it. */
export const sessionDetailSchema = v.object({
  session: sessionSummarySchema,
  tabs: v.array(tabSummarySchema),
  markers: v.array(storedMarkerSchema),
  gaps: v.array(v.object({ tab: v.string(), fromSeq: v.number(), toSeq: v.number(), fromAt: v.number(), toAt: v.number() })),
  checkouts: v.array(v.object({ tab: v.string(), seq: v.number(), at: v.number() })),
});
export type SessionDetail = v.InferOutput<typeof sessionDetailSchema>;

const placeEntries = { tab: v.nullable(v.string()), at: v.nullable(v.number()) };
const errorPlaceSchema = v.object({ error: v.object({ ...placeEntries, at: v.number() }), clip: v.object(placeEntries) });

const personSchema = v.looseObject({ sessions: v.union([v.number(), v.array(v.unknown())]) });

/** One page of the list of sessions. The query is the list's own: its filters and order. */
export function readSessions(
  projectId: number,
  filter: URLSearchParams,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<SessionPage> {
  const query = new URLSearchParams(filter);
  query.set("project", String(projectId));
  if (cursor !== null) query.set("cursor", cursor);
  return request("GET", `/v1/sessions?${query}`, sessionPageSchema, { signal });
}

/** One session with its tabs, markers, gaps and checkouts. */
export function readSession(sessionId: string, signal?: AbortSignal): Promise<SessionDetail> {
  return request("GET", sessionPath(sessionId), sessionDetailSchema, { signal });
}

/** Where in its session an error is. */
export async function readErrorPlace(errorId: string): Promise<{ tab: string; at: number }> {
  const { error, clip } = await request("GET", `/v1/errors/${encodeURIComponent(errorId)}`, errorPlaceSchema);
  return { tab: clip.tab ?? error.tab ?? "", at: clip.at ?? error.at };
}

/** Keeps a session until it is unpinned, or lets it go with its day again. */
export async function pinSession(sessionId: string, pinned: boolean): Promise<void> {
  await request(pinned ? "PUT" : "DELETE", `${sessionPath(sessionId)}/pin`, v.unknown());
}

/** Erases a session from every table. */
export async function eraseSession(sessionId: string): Promise<void> {
  await request("DELETE", sessionPath(sessionId), v.unknown());
}

/** How many sessions there are of a person: a user id that pages gave. */
export async function countPerson(projectId: number, userId: string): Promise<number> {
  const { sessions } = await request("GET", personPath(projectId, userId), personSchema);
  return typeof sessions === "number" ? sessions : sessions.length;
}

/** Erases a person everywhere in a project. */
export async function erasePerson(projectId: number, userId: string): Promise<void> {
  await request("DELETE", personPath(projectId, userId), v.unknown());
}

function sessionPath(sessionId: string): string {
  return `/v1/sessions/${encodeURIComponent(sessionId)}`;
}

function personPath(projectId: number, userId: string): string {
  return `/v1/projects/${projectId}/people/${encodeURIComponent(userId)}`;
}
