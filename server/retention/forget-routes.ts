/** Routes of keeping and forgetting: pins, erasing a session, and a person in a project. */

import { isSessionId } from "../../protocol/ids.ts";
import { cleanText } from "../../protocol/text.ts";
import { actorOf, type AuditTrail } from "../audit-trail.ts";
import { type Identity, readableProjects, requireRole, type Role } from "../auth/auth.ts";
import type { Clock } from "../clock.ts";
import type { Database, Queryable } from "../db/db.ts";
import { notFound, readId } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { lockForRows } from "./day-tables.ts";
import type { Eraser } from "./eraser.ts";
import { SESSIONS_OF_PERSON } from "./session-rows.ts";

const MAX_USER_ID = 256;

/** What the routes are built from. */
export interface ForgetRoutesDeps {
  db: Database;
  clock: Clock;
  audit: AuditTrail;
  eraser: Eraser;
}

interface Found {
  id: string;
  project_id: number;
  user_id: string | null;
  pinned_at: number | null;
}

/** The rows of the route table about keeping and forgetting. */
export function createForgetRoutes({ db, clock, audit, eraser }: ForgetRoutesDeps): readonly Route[] {
  /** One answer for what does not exist and for what belongs to somebody else. */
  async function find(on: Queryable, id: string | undefined, identity: Identity, least: Role): Promise<Found> {
    if (id === undefined || !isSessionId(id)) throw notFound();
    const [found] = await on.query<Found>(
      `SELECT session_id AS id, project_id, user_id, (extract(epoch FROM pinned_at) * 1000)::float8 AS pinned_at
       FROM sessions WHERE session_id = $1 AND project_id = ANY($2)`,
      [id, [...readableProjects(identity)]],
    );
    if (!found) throw notFound();
    requireRole(identity, found.project_id, least);
    return found;
  }

  async function setPin({ params, identity, peer }: HttpRequest, isPinned: boolean) {
    const { id, project_id: projectId, user_id: personId, ...found } = await find(db, params["id"], identity, "member");
    const now = clock.now();
    const pinnedAt = isPinned ? (found.pinned_at ?? now) : null;
    if (isPinned === (found.pinned_at !== null)) return { json: { sessionId: id, pinnedAt } };
    await db.transaction(async (tx) => {
      // A clean-up that decided before may have removed its batches, and the session goes next.
      await lockForRows(tx);
      if (isPinned && !(await isWhole(tx, id))) throw notFound();
      const by = identity.kind === "nobody" ? null : identity.userId;
      const changed = await tx.query(
        `UPDATE sessions SET pinned_at = to_timestamp($2::float8 / 1000), pinned_by = $3 WHERE session_id = $1 RETURNING 1`,
        [id, pinnedAt, isPinned ? by : null],
      );
      if (changed.length === 0) throw notFound();
      const subject = { kind: "session", id };
      const action = isPinned ? "session_pinned" : "session_unpinned";
      await audit.record({ action, actor: actorOf(identity), peer, projectId, subject, personId }, tx);
    });
    return { json: { sessionId: id, pinnedAt } };
  }

  function personOf({ params, identity }: HttpRequest, least: Role): { projectId: number; userId: string } {
    const projectId = readId(params["id"]);
    requireRole(identity, projectId, least);
    const userId = cleanText((params["userId"] ?? "").slice(0, MAX_USER_ID));
    if (userId === "") throw notFound();
    return { projectId, userId };
  }

  return [
    {
      method: "PUT",
      path: "/v1/sessions/:id/pin",
      access: "signed-in",
      role: "member",
      summary: "Keeps a session until it is unpinned, whatever the retention says",
      handle: (request) => setPin(request, true),
    },
    {
      method: "DELETE",
      path: "/v1/sessions/:id/pin",
      access: "signed-in",
      role: "member",
      summary: "Lets a session go with its day again",
      handle: (request) => setPin(request, false),
    },
    {
      method: "DELETE",
      path: "/v1/sessions/:id",
      access: "signed-in",
      role: "admin",
      summary: "Erases a session from every table, for good: what comes late of it is refused",
      handle: async ({ params, identity, peer }) => {
        const { id, project_id: projectId } = await find(db, params["id"], identity, "admin");
        return { json: { erased: true, ...(await eraser.eraseSession(projectId, id, { actor: actorOf(identity), peer })) } };
      },
    },
    {
      method: "GET",
      path: "/v1/projects/:id/people/:userId",
      access: "signed-in",
      role: "viewer",
      summary: "What is stored of a person: the user id that pages gave",
      handle: async (request) => {
        const { projectId, userId } = personOf(request, "viewer");
        return { json: { userId, ...(await countPerson(db, projectId, userId)) } };
      },
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id/people/:userId",
      access: "signed-in",
      role: "admin",
      summary: "Erases every session of a person in a project, and the person's id in the audit log",
      handle: async (request) => {
        const { projectId, userId } = personOf(request, "admin");
        const by = { actor: actorOf(request.identity), peer: request.peer };
        return { json: { erased: true, ...(await eraser.erasePerson(projectId, userId, by)) } };
      },
    },
  ];
}

/** False of a session whose batches are gone. */
async function isWhole(tx: Queryable, id: string): Promise<boolean> {
  const [row] = await tx.query<{ is: boolean }>(
    `SELECT s.batch_count = 0 OR EXISTS (SELECT FROM session_events e WHERE e.session_id = s.session_id AND e.started_on = s.started_on) AS is
     FROM sessions s WHERE s.session_id = $1`,
    [id],
  );
  return row?.is === true;
}

async function countPerson(db: Queryable, projectId: number, userId: string) {
  const [row] = await db.query<
    Record<"sessions" | "live" | "pinned" | "events" | "errors" | "bytes", number> & Record<"first" | "last", number | null>
  >(
    `SELECT count(*) AS sessions, count(*) FILTER (WHERE status <> 'ended') AS live, count(pinned_at) AS pinned,
       coalesce(sum(event_count), 0)::bigint AS events, coalesce(sum(error_count), 0)::bigint AS errors,
       coalesce(sum(byte_count), 0)::bigint AS bytes,
       (extract(epoch FROM min(started_at)) * 1000)::float8 AS first, (extract(epoch FROM max(last_at)) * 1000)::float8 AS last
     FROM sessions WHERE session_id IN (${SESSIONS_OF_PERSON})`,
    [projectId, userId],
  );
  return {
    sessions: row?.sessions ?? 0,
    openSessions: row?.live ?? 0,
    pinnedSessions: row?.pinned ?? 0,
    events: row?.events ?? 0,
    errors: row?.errors ?? 0,
    bytes: row?.bytes ?? 0,
    firstAt: row?.first ?? null,
    lastAt: row?.last ?? null,
  };
}
