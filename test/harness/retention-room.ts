/** Retention over a real database, with a clock that the test moves and somebody who holds sessions and takes notes. */

import { createAudit } from "../../server/audit/audit.ts";
import type { Identity, Role } from "../../server/auth/auth.ts";
import { createRetention, type Retention, type RetentionDeps } from "../../server/retention/retention.ts";
import type { TestClock } from "./clock.ts";
import { quietLog, type TestDatabase } from "./postgres.ts";
import { checkoutEvents, insertBatch, insertSession, insertTab, type StoredSessionFacts } from "./stored-session.ts";
import { waitFor } from "./wait.ts";

/** Every table that holds something of a session. */
export const SESSION_TABLES = ["sessions", "session_tabs", "session_events", "session_markers", "session_errors"] as const;

export interface RetentionRoom extends Retention {
  /** Ids that were let go of, in order. */
  letGo: string[];
}

/** Builds the room. */
export function createRetentionRoom(
  test: Pick<TestDatabase, "database" | "connection">,
  clock: TestClock,
  more: Partial<RetentionDeps> = {},
): RetentionRoom {
  const letGo: string[] = [];
  const retention = createRetention({
    db: test.database,
    connection: test.connection,
    clock,
    log: quietLog,
    audit: createAudit({ db: test.database, clock, log: quietLog }),
    holder: {
      letGo: (ids) => {
        letGo.push(...ids);
        return Promise.resolve();
      },
      openSessionsOf: () => [],
    },
    retentionDays: 7,
    errorRetentionDays: 30,
    intervalMs: 0,
    budgetBytes: null,
    disk: { folder: null, minFreeBytes: 0 },
    ...more,
  });
  return { ...retention, letGo };
}

/** A session of a day with one batch and one marker: an error, or a click. */
export async function insertVisit(
  { database }: Pick<TestDatabase, "database">,
  facts: Omit<StoredSessionFacts, "startedAt">,
  { hasError = false, payload }: { hasError?: boolean; payload?: Uint8Array } = {},
): Promise<void> {
  const at = Date.parse(`${facts.startedOn}T10:00:00Z`);
  const { sessionId, startedOn, projectId } = facts;
  await insertSession(database, { ...facts, startedAt: at });
  await insertTab(database, sessionId, "main", at);
  await insertBatch(database, {
    sessionId,
    startedOn,
    projectId,
    tab: "main",
    seq: 0,
    events: checkoutEvents(at, sessionId),
    markers: [{ kind: hasError ? "error" : "click", at, name: hasError ? "Error" : "button" }],
    ...(payload ? { payload } : {}),
  });
}

/** The sessions of which a table has rows. */
export async function idsIn({ database }: Pick<TestDatabase, "database">, table: string): Promise<string[]> {
  const rows = await database.query<{ id: string }>(`SELECT DISTINCT session_id AS id FROM ${table} ORDER BY 1`);
  return rows.map((row) => row.id);
}

/** Resolves when so many statements wait for locks in this database; others of the server have theirs. */
export function lockWaiters({ database }: Pick<TestDatabase, "database">, count: number): Promise<unknown> {
  const waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  return waitFor(async () => (await database.query(waiting)).length >= count, { what: () => `${count} to wait for locks` });
}

/** Somebody with these roles. */
export function personWith(roles: Readonly<Record<number, Role>>, isAdmin = false): Identity {
  return {
    kind: "user",
    userId: 1,
    email: "a@example.com",
    signInId: "",
    isAdmin,
    roles: new Map(Object.entries(roles).map(([id, role]) => [Number(id), role])),
  };
}
