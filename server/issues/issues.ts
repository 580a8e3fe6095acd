/** The door of issues: what bug an error is, what is counted of it, and what people do about it. */

import type { Clock } from "../clock.ts";
import type { Database, Queryable } from "../db/db.ts";
import type { Digested, IssueNews } from "../digested.ts";
import type { Route } from "../net/route.ts";
import { createGroupingRoutes } from "./grouping-routes.ts";
import { createIssueRoutes } from "./issue-routes.ts";
import { writeOccurrences } from "./write.ts";

/** What the other rooms ask of issues. */
export interface Issues {
  /**
   * Finds or begins the issue of each error, writes it, and counts it; errors that are written already (by project and event id) change
   * nothing. All in the caller's transaction, which should hold nothing that another writer waits for.
   * @returns what alerts should hear once the transaction is committed
   */
  write(tx: Queryable, digested: readonly Digested[]): Promise<IssueNews[]>;
  routes: readonly Route[];
}

/** What the room is built from. */
export interface IssuesDeps {
  db: Database;
  clock: Clock;
}

/** Builds the room. It holds nothing between two calls. */
export function createIssues({ db, clock }: IssuesDeps): Issues {
  return {
    write: (tx, digested) => writeOccurrences(tx, digested, clock.now()),
    routes: [...createIssueRoutes({ db, clock }), ...createGroupingRoutes(db)],
  };
}
