/** `GET /v1/audit`: the log, for those who answer for a project. */

import { AppError } from "../app-error.ts";
import { type Identity, requireRole, roleIn } from "../auth/auth.ts";
import type { Queryable } from "../db/db.ts";
import type { Route } from "../net/route.ts";
import { AUDIT_QUERY, parseAuditFilter, writeCursor } from "./audit-filter.ts";
import { listEntries } from "./audit-queries.ts";

/** The rows of the route table about the audit log. */
export function createAuditRoutes(db: Queryable): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/v1/audit",
      access: "signed-in",
      role: "admin",
      summary: "Who did and who saw what, newest first; of the projects you administer, to administrators of all",
      query: AUDIT_QUERY,
      handle: async ({ query, identity }) => {
        const filter = parseAuditFilter(query);
        const page = await listEntries(db, scopeOf(identity, filter.projectId), filter);
        return { json: { entries: page.entries, nextCursor: page.nextId === null ? null : writeCursor(page.nextId) } };
      },
    },
  ];
}

/** The projects whose entries he may read; null for all, and for what belongs to no project. */
function scopeOf(identity: Identity, projectId: number | null): readonly number[] | null {
  if (identity.kind === "nobody") throw new AppError("auth", "sign in first");
  // Also of projects that are removed: what was done in them stays readable.
  if (identity.isAdmin) return projectId === null ? null : [projectId];
  if (projectId !== null) {
    requireRole(identity, projectId, "admin");
    return [projectId];
  }
  const administered = [...identity.roles.keys()].filter((id) => ["admin", "owner"].includes(roleIn(identity, id) ?? ""));
  if (administered.length === 0) throw new AppError("forbidden", "this takes the role admin in a project");
  return administered;
}
