/**
 * Keeps what was accepted: in the database, many requests in one commit; while that is away, in the spool, which is poured when it is back.
 * A row is durable when `keep` resolves. States: `direct` -> `away` (a write failed or hangs) -> `direct` (a look got through).
 *
 * A write that hangs or breaks off is taken to have failed, and its rows go to the spool as uncertain: they are looked for before they are
 * poured. Should it get through only then, the digest sees the same event id twice, and takes it once.
 */

import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import { withinTime } from "../lifecycle.ts";
import type { Logger } from "../log.ts";
import type { Counter } from "../metrics.ts";
import type { AcceptedRow } from "./accepted.ts";
import { insertAccepted } from "./intake-queries.ts";
import { isRefusal } from "./refusal.ts";
import type { Spool } from "./spool.ts";

/** Commits at once of small requests, while one waits for the disk, the next is on its way; and of large ones, for which nobody should wait. */
const LANES = { small: 2, large: 1 } as const;
/** Bytes from which on a request is large. */
const LARGE_BYTES = 512 * 1024;
/** Most rows, and bytes, of one commit. */
const MAX_ROWS = 400;
const MAX_BYTES = 8 * 1024 * 1024;
/** A write that takes longer goes to the spool: its sender waits. */
const WRITE_TIMEOUT_MS = 2_000;
/** How often it is looked whether the database is back. */
const LOOK_MS = 250;

/** Rows of one request, which belong together. */
export interface Keeping {
  rows: readonly AcceptedRow[];
  key: string;
  /** True where the key could not be looked up: such rows may only go to the spool, and are looked at when it is poured. */
  isUnverified: boolean;
}

export interface Keeper {
  /**
   * Resolves when the rows are in the database or on the disk.
   * @throws AppError `overload` where neither takes them
   */
  keep(keeping: Keeping): Promise<void>;
  isAway(): boolean;
  /** Waits for what is under way, and looks no more. */
  stop(): Promise<void>;
}

export interface KeeperDeps {
  db: Database;
  spool: Spool;
  clock: Clock;
  log: Logger;
  /** Rows that went to the spool. */
  spooled: Counter;
  /** Rows are in the intake: the digest may begin. */
  onStored: () => void;
  /** The database answers again: the spool can be poured. */
  onBack: () => void;
}

interface Waiting {
  keeping: Keeping;
  bytes: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** A keeper whose database is taken to be there. */
export function createKeeper({ db, spool, clock, log, spooled, onStored, onBack }: KeeperDeps): Keeper {
  const queues = { small: createQueue(), large: createQueue() };
  let isAway = false;
  let isLooking = false;
  let idle: (() => void) | null = null;

  const stopLooking = clock.every(LOOK_MS, () => {
    if (!isAway || isLooking) return;
    isLooking = true;
    void db.isUp().then((isUp) => {
      isLooking = false;
      if (!isUp || !isAway) return;
      isAway = false;
      log.info("errors are stored again");
      onBack();
    });
  });

  function pump(size: keyof typeof LANES): void {
    const queue = queues[size];
    while (queue.running < LANES[size] && queue.waiting.length > 0) {
      queue.running++;
      void writeGroup(takeGroup(queue)).finally(() => {
        queue.running--;
        pump(size);
        if (isIdle()) idle?.();
      });
    }
  }

  const isIdle = () => queues.small.running + queues.large.running === 0;

  async function writeGroup(group: readonly Waiting[]): Promise<void> {
    if (isAway) return spoolGroup(group, false);
    try {
      await withinTime(write(group), WRITE_TIMEOUT_MS);
      for (const one of group) one.resolve();
      onStored();
    } catch (error) {
      if (isRefusal(error)) return writeEach(group, error);
      goAway(error);
      await spoolGroup(group, true);
    }
  }

  function goAway(error: unknown): void {
    // The other lane may have noticed as well.
    if (!isAway) log.warn("the database does not take errors: they go to the spool", { error });
    isAway = true;
  }

  const write = (group: readonly Waiting[]) =>
    db.transaction((tx) =>
      insertAccepted(
        tx,
        group.flatMap(({ keeping }) => keeping.rows),
      ),
    );

  /** Something in the group is refused for what it is: its neighbours are not. */
  async function writeEach(group: readonly Waiting[], error: unknown): Promise<void> {
    const [only] = group;
    if (only && group.length === 1) {
      log.error("an accepted row was refused by the database", { error });
      only.reject(error);
      return;
    }
    for (const one of group) await writeGroup([one]);
  }

  async function spoolGroup(group: readonly Waiting[], isUncertain: boolean): Promise<void> {
    await Promise.all(
      group.map(async (one) => {
        const { keeping } = one;
        try {
          const rows = keeping.rows.map((row) => ({ key: keeping.key, row, isUncertain }));
          await spool.append(rows, keeping.isUnverified);
          spooled.value += keeping.rows.length;
          one.resolve();
        } catch (error) {
          one.reject(error);
        }
      }),
    );
  }

  return {
    keep(keeping) {
      const bytes = keeping.rows.reduce((sum, row) => sum + row.body.length, 0);
      return new Promise((resolve, reject) => {
        const one = { keeping, bytes, resolve, reject };
        if (isAway || keeping.isUnverified) {
          void spoolGroup([one], false);
          return;
        }
        const size = bytes < LARGE_BYTES ? "small" : "large";
        queues[size].waiting.push(one);
        pump(size);
      });
    },
    isAway: () => isAway,
    async stop() {
      stopLooking();
      if (!isIdle()) await new Promise<void>((resolve) => (idle = resolve));
    },
  };
}

interface Queue {
  waiting: Waiting[];
  running: number;
}

function createQueue(): Queue {
  return { waiting: [], running: 0 };
}

/** The first of a queue that fit into one commit. */
function takeGroup(queue: Queue): Waiting[] {
  let rows = 0;
  let bytes = 0;
  let count = 0;
  for (const one of queue.waiting) {
    if (count > 0 && (rows + one.keeping.rows.length > MAX_ROWS || bytes + one.bytes > MAX_BYTES)) break;
    rows += one.keeping.rows.length;
    bytes += one.bytes;
    count++;
  }
  return queue.waiting.splice(0, count);
}
