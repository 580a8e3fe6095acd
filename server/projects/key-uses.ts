/** When ingest keys were used last, written behind: a use is one entry in memory, whatever comes with it. */

import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import type { Logger } from "../log.ts";
import { saveKeyUses } from "./project-queries.ts";

const SAVE_MS = 10_000;

/** Notes uses, and writes them. */
export interface KeyUses {
  /** A tracker came with this key, or still is connected by it. The key was found before, so there are no more of them than keys. */
  note(key: string): void;
  start(): void;
  /** Writes what is left. */
  stop(): Promise<void>;
}

/** Builds it; `start` begins to write each {@link SAVE_MS}. */
export function createKeyUses({ db, clock, log }: { db: Queryable; clock: Clock; log: Logger }): KeyUses {
  let uses = new Map<string, number>();
  let saving = Promise.resolve();
  let stopTimer: (() => void) | null = null;

  async function save(): Promise<void> {
    if (uses.size === 0) return;
    const taken = uses;
    uses = new Map();
    try {
      await saveKeyUses(db, taken);
    } catch (error) {
      uses = new Map([...taken, ...uses]);
      log.debug("last uses of keys could not be saved yet", { error: error instanceof Error ? error.message : String(error) });
    }
  }

  const saveInTurn = () => (saving = saving.then(save));

  return {
    note(key) {
      uses.set(key, clock.now());
    },
    start() {
      stopTimer ??= clock.every(SAVE_MS, () => void saveInTurn());
    },
    async stop() {
      stopTimer?.();
      stopTimer = null;
      await saveInTurn();
    },
  };
}
