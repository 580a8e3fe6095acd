/** Routes of comments: read by everybody who may watch, written by members, changed and removed by who wrote them; admins remove any. */

import * as v from "valibot";
import { at, cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import { requireRole } from "../auth/auth.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { changeComment, type Comment, findComment, insertComment, listComments, removeComment } from "./comment-queries.ts";
import { runsProject } from "./link-routes.ts";
import { findSession, type SharingRoom, userOf } from "./room.ts";

const MAX_COMMENTS = 1_000;
const text = v.pipe(v.string(), v.transform(cleanText), v.trim(), v.minLength(1), v.maxLength(4_000));
const commentBody = v.strictObject({ at, text });
const changeBody = v.strictObject({ text });

/** The rows of the route table. */
export function createCommentRoutes(room: SharingRoom): readonly Route[] {
  const { db, clock } = room;

  async function find({ params, identity }: HttpRequest): Promise<{ comment: Comment; projectId: number; isMine: boolean }> {
    const { session } = await findSession(room, params["id"], identity, "member");
    const comment = await findComment(db, session.sessionId, readId(params["commentId"]));
    if (!comment) throw notFound();
    return { comment, projectId: session.projectId, isMine: comment.userId === userOf(identity) };
  }

  return [
    {
      method: "GET",
      path: "/v1/sessions/:id/comments",
      access: "signed-in",
      role: "viewer",
      summary: "What people wrote at moments of a session, in its order",
      handle: async ({ params, identity }) => {
        const { session } = await findSession(room, params["id"], identity, "viewer");
        return { json: { comments: await listComments(db, session.sessionId) } };
      },
    },
    {
      method: "POST",
      path: "/v1/sessions/:id/comments",
      access: "signed-in",
      role: "member",
      summary: "Writes a comment at a moment: {at, text}; at is page time",
      handle: async ({ params, identity, body }) => {
        const { session } = await findSession(room, params["id"], identity, "member");
        const wish = readBody(commentBody, body);
        const { sessionId, projectId } = session;
        const facts = { sessionId, projectId, ...wish, userId: userOf(identity), createdAt: clock.now() };
        const id = await insertComment(db, facts, MAX_COMMENTS);
        if (id === null) throw new AppError("limit", `a session has at most ${MAX_COMMENTS} comments`);
        const made = await findComment(db, sessionId, id);
        if (!made) throw notFound();
        return { status: 201, json: made };
      },
    },
    {
      method: "PATCH",
      path: "/v1/sessions/:id/comments/:commentId",
      access: "signed-in",
      role: "member",
      summary: "Changes the text of a comment of one's own: {text}",
      handle: async (request) => {
        const { comment, isMine } = await find(request);
        const change = readBody(changeBody, request.body);
        if (!isMine) throw new AppError("forbidden", "a comment is changed by who wrote it");
        const editedAt = clock.now();
        if (!(await changeComment(db, comment.commentId, change.text, editedAt))) throw notFound();
        return { json: { ...comment, ...change, editedAt } };
      },
    },
    {
      method: "DELETE",
      path: "/v1/sessions/:id/comments/:commentId",
      access: "signed-in",
      role: "member",
      summary: "Removes a comment of one's own; that of somebody else takes an admin",
      handle: async (request) => {
        const { comment, projectId, isMine } = await find(request);
        if (!isMine && !runsProject(request.identity, projectId)) requireRole(request.identity, projectId, "admin");
        await removeComment(db, comment.commentId);
        return { json: { removed: true } };
      },
    },
  ];
}
