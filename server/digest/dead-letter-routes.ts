/** Routes of dead letters: what could not be digested is seen, tried again, or thrown away, by administrators of its project. */

import type { AuditAction, AuditTrail } from "../audit-trail.ts";
import { isBelow, readableProjects, requireRole, roleIn } from "../auth/auth.ts";
import type { Database, Queryable } from "../db/db.ts";
import { notFound, readId, readWhole } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { dropDeadLetter, findDeadLetter, listDeadLetters, reviveDeadLetter } from "./dead-letter-queries.ts";

const DEFAULT_PAGE = 50;
const MAX_PAGE = 200;

export interface DeadLetterRoutesDeps {
  db: Database;
  audit: AuditTrail;
  /** One is to be digested again. */
  onRetry: () => void;
}

/** The rows of the route table. */
export function createDeadLetterRoutes({ db, audit, onRetry }: DeadLetterRoutesDeps): readonly Route[] {
  const decide = async (request: HttpRequest, action: AuditAction, deed: (tx: Queryable, id: number) => Promise<boolean>) => {
    const { params, identity: actor, peer } = request;
    const id = readLetterId(params["id"]);
    const letter = await findDeadLetter(db, id);
    if (!letter) throw notFound();
    requireRole(actor, letter.projectId, "admin");
    await db.transaction(async (tx) => {
      if (!(await deed(tx, id))) throw notFound();
      const subject = { kind: "dead_letter", id: String(id) };
      await audit.record({ action, actor, peer, projectId: letter.projectId, subject }, tx);
    });
  };
  return [
    {
      method: "GET",
      path: "/v1/dead-letters",
      access: "signed-in",
      role: "admin",
      summary: "Accepted items that could not be digested, newest first, and why",
      query: {
        project: "id of a project; default: all that one is an administrator of",
        cursor: "where the last page ended",
        limit: `at most ${MAX_PAGE} (default ${DEFAULT_PAGE})`,
      },
      handle: async ({ query, identity }) => {
        const project = query.get("project") ?? "";
        const projectIds = project === "" ? ruled(identity) : [readId(project)];
        for (const id of projectIds) requireRole(identity, id, "admin");
        const limit = readWhole(query, "limit", { min: 1, max: MAX_PAGE }) ?? DEFAULT_PAGE;
        const beforeId = readWhole(query, "cursor", { min: 1, max: Number.MAX_SAFE_INTEGER }) ?? null;
        const deadLetters = await listDeadLetters(db, projectIds, { beforeId, limit });
        const last = deadLetters.length === limit ? deadLetters.at(-1) : undefined;
        return { json: { deadLetters, nextCursor: last ? String(last.id) : null } };
      },
    },
    {
      method: "POST",
      path: "/v1/dead-letters/:id/retry",
      access: "signed-in",
      role: "admin",
      summary: "Digests an item again, with all its tries",
      handle: async (request) => {
        await decide(request, "dead_letter_retried", reviveDeadLetter);
        onRetry();
        return { json: { retried: true } };
      },
    },
    {
      method: "DELETE",
      path: "/v1/dead-letters/:id",
      access: "signed-in",
      role: "admin",
      summary: "Throws an item away that could not be digested",
      handle: async (request) => {
        await decide(request, "dead_letter_dropped", dropDeadLetter);
        return { json: { dropped: true } };
      },
    },
  ];
}

/** The projects that somebody is an administrator of. */
function ruled(identity: HttpRequest["identity"]): number[] {
  return [...readableProjects(identity)].filter((id) => {
    const role = roleIn(identity, id);
    return role !== null && !isBelow(role, "admin");
  });
}

/** Ids of the intake may be larger than those that `readId` knows. */
function readLetterId(text: string | undefined): number {
  const id = /^[1-9]\d{0,15}$/.test(text ?? "") ? Number(text) : 0;
  if (id < 1) throw notFound();
  return id;
}
