/**
 * Erasing sessions and persons: who holds a session lets go of it, its rows go together with a tombstone in one transaction, and what was
 * still on its way goes when it arrives.
 *
 * What could bring it back, and what stops that: a batch in our own write buffer (dropped before the rows are removed), a COPY under way
 * here (waited for), one of another process (that process hears of the tombstone within a second, lets go, and removes what it wrote), a
 * tracker that comes back, to any process and after any restart (`openSessions` looks at the tombstones).
 */

import type { AuditActor, AuditTrail } from "../audit-trail.ts";
import type { Clock } from "../clock.ts";
import type { Database, Queryable } from "../db/db.ts";
import type { Logger } from "../log.ts";
import { lockForRows } from "./day-tables.ts";
import {
  addErased,
  buryIds,
  type Erased,
  NOTHING_ERASED,
  removeSessions,
  SESSIONS_OF_PERSON,
  takeOutOfAudit,
  takePersonOutOfAudit,
} from "./session-rows.ts";
import { createTombstoneWatch } from "./tombstone-watch.ts";

/** What another process, or a statement that ran at the same moment, may have written is there by then. */
const SECOND_TIME_MS = 5_000;
/** Most sessions in one transaction. */
const CHUNK = 200;

/** Who holds sessions in memory, and batches on their way to the database; `server/app.ts` ties ingest and the store to this. */
export interface SessionHolder {
  /**
   * Takes nothing more for these sessions and tells their trackers and viewers; resolves when nothing of them is on its way any more.
   * @throws AppError `store` while Postgres is away
   */
  letGo(sessionIds: readonly string[]): Promise<void>;
  /** Sessions of a person that are open here, whether or not the database knows that they are his. */
  openSessionsOf(projectId: number, userId: string): readonly string[];
}

/** Who asked for it, for the audit log. */
export interface Eraseman {
  actor: AuditActor;
  peer: string;
}

/** Erases. */
export interface Eraser {
  /** One session. */
  eraseSession(projectId: number, sessionId: string, by: Eraseman): Promise<Erased>;
  /** Every session of a person in a project. */
  erasePerson(projectId: number, userId: string, by: Eraseman): Promise<Erased>;
  /** All that is left of a project that was removed. */
  eraseProject(projectId: number): Promise<Erased>;
  /** Begins to look for sessions that other processes erase. */
  start(): void;
  /** Does now what was left for later. Called when the store has written what it held. */
  stop(): Promise<void>;
}

/** What an eraser is built from. */
export interface EraserDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  audit: AuditTrail;
  holder: SessionHolder;
  /** Rows were removed; their bytes are still in the files. */
  onErased(): void;
}

/** Builds an eraser. */
export function createEraser(deps: EraserDeps): Eraser {
  const { db, clock, log, audit, holder } = deps;
  const later = new Map<number, { ids: readonly string[]; cancel: () => void }>();
  let nextNumber = 0;

  async function eraseAgain(number: number, ids: readonly string[]): Promise<void> {
    later.delete(number);
    try {
      const { batches, sessions } = await db.transaction(async (tx) => {
        await lockForRows(tx);
        return removeSessions(tx, ids);
      });
      if (batches + sessions > 0) deps.onErased();
    } catch (error) {
      log.error("late batches of erased sessions may remain until the next clean-up", {
        error: error instanceof Error ? error.message : String(error),
        count: ids.length,
      });
    }
  }

  const watch = createTombstoneWatch({
    db,
    clock,
    log,
    async onErasedElsewhere(ids) {
      await holder.letGo(ids);
      await eraseAgain(nextNumber++, ids);
    },
  });

  async function erase(projectId: number, ids: readonly string[], also: (tx: Queryable, erased: Erased) => Promise<void>) {
    watch.isOurs(ids);
    await holder.letGo(ids);
    const erased = await db.transaction(async (tx) => {
      await lockForRows(tx);
      await buryIds(tx, projectId, ids);
      const removed = await removeSessions(tx, ids);
      await takeOutOfAudit(tx, projectId, ids);
      await also(tx, removed);
      return removed;
    });
    const number = nextNumber++;
    later.set(number, { ids, cancel: clock.after(SECOND_TIME_MS, () => void eraseAgain(number, ids)) });
    deps.onErased();
    return erased;
  }

  /** In chunks, until `find` finds no more. */
  async function eraseAll(projectId: number, find: () => Promise<readonly string[]>): Promise<Erased> {
    let erased = NOTHING_ERASED;
    for (;;) {
      const ids = await find();
      if (ids.length === 0) return erased;
      erased = addErased(erased, await erase(projectId, ids, () => Promise.resolve()));
    }
  }

  return {
    eraseSession: (projectId, sessionId, { actor, peer }) =>
      erase(projectId, [sessionId], (tx, { batches, bytes }) =>
        audit.record(
          { action: "session_erased", actor, peer, projectId, subject: { kind: "session", id: "" }, data: { batches, bytes } },
          tx,
        ),
      ),
    async erasePerson(projectId, userId, { actor, peer }) {
      const erased = await eraseAll(projectId, async () => {
        const open = holder.openSessionsOf(projectId, userId);
        if (open.length > 0) return open.slice(0, CHUNK);
        const rows = await db.query<{ id: string }>(`${SESSIONS_OF_PERSON} LIMIT $3`, [projectId, userId, CHUNK]);
        return rows.map(({ id }) => id);
      });
      await db.transaction(async (tx) => {
        await takePersonOutOfAudit(tx, projectId, userId);
        const { sessions, batches, bytes } = erased;
        const subject = { kind: "person", id: "" };
        await audit.record({ action: "person_erased", actor, peer, projectId, subject, data: { sessions, batches, bytes } }, tx);
      });
      deps.onErased();
      return erased;
    },
    eraseProject: (projectId) =>
      eraseAll(projectId, async () => {
        const rows = await db.query<{ id: string }>("SELECT session_id AS id FROM sessions WHERE project_id = $1 LIMIT $2", [
          projectId,
          CHUNK,
        ]);
        return rows.map(({ id }) => id);
      }),
    start: () => watch.start(),
    async stop() {
      await watch.stop();
      for (const [number, { ids, cancel }] of [...later]) {
        cancel();
        await eraseAgain(number, ids);
      }
    },
  };
}
