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
import { busyAsNull, lockForRows } from "./day-tables.ts";
import { removePersonErrors, removeProjectErrors, removeSessionErrors } from "./error-rows.ts";
import {
  addErased,
  buryIds,
  type Erased,
  NO_DAY,
  NOTHING_ERASED,
  noteDays,
  removeSessions,
  SESSIONS_OF_PERSON,
  takeOutOfAudit,
  takePersonOutOfAudit,
} from "./session-rows.ts";
import { removeSavedSearches } from "./saved-search-rows.ts";
import { removeSharing, removeWordsOfPerson } from "./sharing-rows.ts";
import { createTombstoneWatch } from "./tombstone-watch.ts";

/** What another process, or a statement that ran at the same moment, may have written is there by then. */
const SECOND_TIME_MS = 5_000;
/** Tries of a transaction that met a digest half-way: each held what the other wanted. */
const MAX_TRIES = 5;
/** What was accepted while Postgres was away is waited for so long. */
const SETTLE_MS = 10_000;
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
  /** Resolves when errors that were accepted while Postgres was away are in the database. */
  settleErrors?(): Promise<void>;
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
  /** These sessions of a project, whatever they are. */
  eraseSessions(projectId: number, sessionIds: readonly string[], by: Eraseman): Promise<Erased>;
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
  const later = new Map<number, { work: () => Promise<void>; cancel: () => void }>();
  let nextNumber = 0;

  /** Does `work` once more when what was written at the same moment is there, or when the process stops. */
  function again(work: () => Promise<void>): void {
    const number = nextNumber++;
    const cancel = clock.after(SECOND_TIME_MS, () => {
      later.delete(number);
      void work();
    });
    later.set(number, { work, cancel });
  }

  /** A transaction; one that Postgres ended because it and another one waited for each other is done again. */
  async function inTransaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await db.transaction(work);
      } catch (error) {
        if (tries === MAX_TRIES) throw error;
        busyAsNull(error);
      }
    }
  }

  async function eraseAgain(ids: readonly string[]): Promise<void> {
    try {
      const count = await inTransaction(async (tx) => {
        await lockForRows(tx);
        const errors = await removeSessionErrors(tx, ids);
        if (errors > 0) await noteDays(tx, [NO_DAY]);
        const { batches, sessions } = await removeSessions(tx, ids);
        return batches + sessions + errors;
      });
      if (count > 0) deps.onErased();
    } catch (error) {
      log.error("late batches of erased sessions may remain until the next clean-up", {
        error: error instanceof Error ? error.message : String(error),
        count: ids.length,
      });
    }
  }

  async function erasePersonErrors(projectId: number, userId: string, before: number): Promise<void> {
    await inTransaction(async (tx) => {
      await removePersonErrors(tx, projectId, userId, before);
      await noteDays(tx, [NO_DAY]);
    });
    deps.onErased();
  }

  async function erasePersonAgain(projectId: number, userId: string, before: number): Promise<void> {
    await erasePersonErrors(projectId, userId, before).catch((error: unknown) => {
      log.error("late errors of an erased person may remain until they are too old", { error: String(error) });
    });
  }

  /** Waits for what was accepted while Postgres was away, but not for ever. */
  async function settle(): Promise<void> {
    let cancel: () => void = () => undefined;
    const isLate = new Promise<void>((resolve) => (cancel = clock.after(SETTLE_MS, resolve)));
    await Promise.race([holder.settleErrors?.(), isLate]);
    cancel();
  }

  const watch = createTombstoneWatch({
    db,
    clock,
    log,
    async onErasedElsewhere(ids) {
      await holder.letGo(ids);
      await eraseAgain(ids);
    },
  });

  async function erase(projectId: number, ids: readonly string[], also: (tx: Queryable, erased: Erased) => Promise<void>) {
    watch.isOurs(ids);
    await holder.letGo(ids);
    const erased = await inTransaction(async (tx) => {
      await lockForRows(tx);
      await buryIds(tx, projectId, ids);
      if ((await removeSessionErrors(tx, ids)) > 0) await noteDays(tx, [NO_DAY]);
      const removed = await removeSessions(tx, ids);
      await takeOutOfAudit(tx, projectId, ids);
      await also(tx, removed);
      return removed;
    });
    again(() => eraseAgain(ids));
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
    async eraseSessions(projectId, sessionIds, { actor, peer }) {
      let erased = NOTHING_ERASED;
      for (let at = 0; at < sessionIds.length; at += CHUNK) {
        const chunk = await erase(projectId, sessionIds.slice(at, at + CHUNK), (tx, { sessions, batches, bytes }) =>
          audit.record({ action: "sessions_erased", actor, peer, projectId, data: { sessions, batches, bytes } }, tx),
        );
        erased = addErased(erased, chunk);
      }
      return erased;
    },
    async erasePerson(projectId, userId, { actor, peer }) {
      await settle();
      const before = clock.now();
      const erased = await eraseAll(projectId, async () => {
        const open = holder.openSessionsOf(projectId, userId);
        if (open.length > 0) return open.slice(0, CHUNK);
        const rows = await db.query<{ id: string }>(`${SESSIONS_OF_PERSON} LIMIT $3`, [projectId, userId, CHUNK]);
        return rows.map(({ id }) => id);
      });
      await erasePersonErrors(projectId, userId, before);
      again(() => erasePersonAgain(projectId, userId, before));
      await db.transaction(async (tx) => {
        await takePersonOutOfAudit(tx, projectId, userId);
        await removeSavedSearches(tx, projectId, userId);
        await removeWordsOfPerson(tx, projectId, userId);
        // Also where there was no session: the words are in files.
        await noteDays(tx, [NO_DAY]);
        const { sessions, batches, bytes } = erased;
        const subject = { kind: "person", id: "" };
        await audit.record({ action: "person_erased", actor, peer, projectId, subject, data: { sessions, batches, bytes } }, tx);
      });
      deps.onErased();
      return erased;
    },
    async eraseProject(projectId) {
      const erased = await eraseAll(projectId, async () => {
        const rows = await db.query<{ id: string }>("SELECT session_id AS id FROM sessions WHERE project_id = $1 LIMIT $2", [
          projectId,
          CHUNK,
        ]);
        return rows.map(({ id }) => id);
      });
      await removeProjectErrors(db, projectId);
      await removeSavedSearches(db, projectId, null);
      await removeSharing(db, projectId);
      await noteDays(db, [NO_DAY]);
      deps.onErased();
      return erased;
    },
    start: () => watch.start(),
    async stop() {
      await watch.stop();
      const open = [...later.values()];
      later.clear();
      for (const { work, cancel } of open) {
        cancel();
        await work();
      }
    },
  };
}
