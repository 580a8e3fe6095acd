/** The door of audit: keeps who did what, and who watched whom. Append-only. */

import type { AuditTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Route } from "../net/route.ts";
import { insertEntry } from "./audit-queries.ts";

/** What the other rooms ask of audit. */
export interface Audit extends AuditTrail {
  routes: readonly Route[];
}

/** What the room is built from. */
export interface AuditDeps {
  db: Database;
  clock: Clock;
}

/** Builds the room. */
export function createAudit({ db, clock }: AuditDeps): Audit {
  return {
    record: (entry, tx) => insertEntry(tx ?? db, entry, clock.now()),
    routes: [],
  };
}
