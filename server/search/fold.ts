/**
 * Folding: what is stored of sessions becomes their facts, every few seconds and beside the hot path. Nothing of it is in memory: a process
 * that is killed loses no work but that of a transaction, and several processes share what is due.
 */

import { toAppError } from "../app-error.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import { claimDue, foldSessions, passOver, readClock, takeNews } from "./fold-queries.ts";

/** Sessions in one transaction: who changes one of them waits for as long as it takes, some 30 ms. */
const CHUNK = 100;
/** Most chunks before what is newer has its turn. */
const MAX_CHUNKS = 50;
/** Tidings of other rooms that are taken in one statement. */
const NEWS = 1_000;
/** A session that goes on is at most this much, and a pass, behind. */
const PAUSE_MS = 2_000;
/** Folding takes at most one part in so many of the time. */
const SHARE = 10;
const MAX_PAUSE_MS = 30_000;

/** Folds. */
export interface Folder {
  /** Folds all that has news now; resolves with how many sessions that were. For tests and tools: it does not hold back. */
  foldDue(): Promise<number>;
  start(): void;
  /** Waits for the transaction under way. */
  stop(): Promise<void>;
}

/** Builds one. */
export function createFolder({ db, clock, log }: { db: Database; clock: Clock; log: Logger }): Folder {
  let isStopped = true;
  let cancel: () => void = () => undefined;
  let endRest: () => void = () => undefined;
  let passing: Promise<void> = Promise.resolve();

  async function foldChunk(before: number, chunk: number): Promise<number> {
    return db.transaction(async (tx) => {
      const due = await claimDue(tx, before, chunk);
      if (due.length > 0) await foldSessions(tx, due);
      return due.length;
    });
  }

  /** One after the other, where one of them made all of them fail. */
  async function foldSingly(before: number): Promise<number> {
    let count = 0;
    for (; count < CHUNK; count++) {
      let id = "";
      try {
        const found = await db.transaction(async (tx) => {
          const [one] = await claimDue(tx, before, 1);
          if (!one) return false;
          id = one.session_id;
          await foldSessions(tx, [one]);
          return true;
        });
        if (!found) return count;
      } catch (error) {
        if (id === "" || toAppError(error).kind === "store") throw error;
        log.warn("a session could not be folded", {
          sessionId: id,
          error: error instanceof Error ? error.message : String(error),
        });
        await passOver(db, id);
      }
    }
    return count;
  }

  async function fold(before: number): Promise<number> {
    try {
      return await foldChunk(before, CHUNK);
    } catch (error) {
      if (toAppError(error).kind === "store") throw error;
      return foldSingly(before);
    }
  }

  function plan(afterMs: number): void {
    if (isStopped) return;
    cancel = clock.after(afterMs, () => {
      passing = pass();
    });
  }

  async function hearNews(): Promise<void> {
    for (let chunk = 0; chunk < MAX_CHUNKS && (await takeNews(db, NEWS)) === NEWS; chunk++);
  }

  async function pass(): Promise<void> {
    const startedAt = performance.now();
    try {
      await hearNews();
      const before = await readClock(db);
      for (let chunk = 0; chunk < MAX_CHUNKS && !isStopped; chunk++) {
        const chunkAt = performance.now();
        if ((await fold(before)) < CHUNK) break;
        await rest(performance.now() - chunkAt);
      }
    } catch (error) {
      log.debug("sessions are folded later", { error: toAppError(error).message });
    }
    plan(Math.min(MAX_PAUSE_MS, Math.max(PAUSE_MS, (performance.now() - startedAt) * (SHARE - 1))));
  }

  function rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      endRest = resolve;
      clock.after(Math.min(1_000, ms * 2), resolve);
    });
  }

  return {
    async foldDue() {
      await hearNews();
      const before = await readClock(db);
      for (let count = 0; ;) {
        const folded = await fold(before);
        count += folded;
        if (folded < CHUNK) return count;
      }
    },
    start() {
      isStopped = false;
      plan(PAUSE_MS);
    },
    async stop() {
      isStopped = true;
      cancel();
      endRest();
      await passing;
    },
  };
}
