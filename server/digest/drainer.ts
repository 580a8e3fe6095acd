/**
 * Drains the intake: claims a group, reads it, writes it, and reads the next while one is being written.
 *
 * A row ends in one of these: written and removed; given back, untried, because the database is away or the process stops; to be tried again
 * later; dead. States of the drainer: `idle` -> `draining` -> `idle`, and `stopped` for ever.
 */

import { AppError } from "../app-error.ts";
import type { Database } from "../db/db.ts";
import type { IssueNews } from "../digested.ts";
import type { Logger } from "../log.ts";
import type { Counter } from "../metrics.ts";
import {
  buryAbandoned,
  claimFresh,
  claimRetried,
  type ClaimedRow,
  giveBack,
  MAX_ATTEMPTS,
  recordFailure,
} from "./intake-queries.ts";
import { type ReadDeps, type Reading, readRows } from "./read-rows.ts";
import { type IssueWriter, type Writable, writeRows } from "./write-rows.ts";

/** Rows of one group. */
const GROUP_ROWS = 200;
/** Tries of a transaction that lost against another one; that is nobody's fault. */
const MAX_CONFLICTS = 5;
/** SQLSTATE of deadlocks and serialization failures. */
const CONFLICTS: ReadonlySet<string> = new Set(["40P01", "40001"]);
/** First wait before another try; each further one is three times as long. */
const FIRST_RETRY_MS = 5_000;
const MAX_FAULT = 500;

/** What the drainer is built from. */
export interface DrainerDeps extends ReadDeps {
  db: Database;
  issues: IssueWriter;
  log: Logger;
  /** After the commit. */
  onNews: (news: IssueNews[]) => void;
  counts: Readonly<Record<"digested" | "retried" | "dead", Counter>>;
}

export interface Drainer {
  /**
   * Digests everything that is due. A call while it does so makes it look once more before it ends, and returns at once.
   * @throws AppError `store` while the database is away
   */
  drain(): Promise<void>;
  /** Ends after the group that is under way; gives back what was claimed beyond it. */
  stop(): Promise<void>;
}

/** Builds a drainer that is idle. */
export function createDrainer(deps: DrainerDeps): Drainer {
  const { db, issues, log, counts, onNews } = deps;
  /** Claimed, and neither written nor failed: given back as soon as that is possible. */
  const claimed = new Set<number>();
  let running: Promise<void> | null = null;
  let isAskedAgain = false;
  let isStopped = false;

  /** The next group with what was read of it; empty where nothing is due. */
  async function readNext(): Promise<Reading[]> {
    if (isStopped) return [];
    const rows = await claimNext();
    for (const row of rows) claimed.add(row.intake_id);
    return rows.length === 0 ? [] : readRows(deps, rows);
  }

  async function claimNext(): Promise<ClaimedRow[]> {
    const fresh = await claimFresh(db, GROUP_ROWS);
    if (fresh.length > 0) return fresh;
    const buried = await buryAbandoned(db);
    counts.dead.value += buried;
    if (buried > 0) log.error("accepted items ended the process again and again", { count: buried });
    return claimRetried(db);
  }

  async function finish(readings: readonly Reading[]): Promise<void> {
    const writable = readings.filter((reading) => reading.kind !== "unreadable" && reading.kind !== "failed");
    for (const reading of readings) {
      if (reading.kind === "unreadable") await end(reading.row, reading.fault, null);
      else if (reading.kind === "failed") await fail(reading.row, reading.error);
    }
    if (writable.length === 0) return;
    try {
      await write(writable);
    } catch (error) {
      if (isAway(error)) throw error;
      if (writable.length > 1) log.warn("a group was not digested; its items are tried one by one", { error });
      // One of them is to blame: each by itself shows which.
      const [first] = writable;
      if (writable.length === 1 && first) await fail(first.row, error);
      else for (const reading of writable) await finish([reading]);
    }
  }

  async function write(readings: readonly Writable[]): Promise<void> {
    for (let conflicts = 0; ; conflicts++) {
      try {
        const news = await writeRows(db, issues, readings);
        for (const { row } of readings) claimed.delete(row.intake_id);
        counts.digested.value += readings.length;
        tell(news);
        return;
      } catch (error) {
        if (!isConflict(error) || conflicts >= MAX_CONFLICTS) throw error;
      }
    }
  }

  function tell(news: IssueNews[]): void {
    if (news.length === 0) return;
    try {
      onNews(news);
    } catch (error) {
      log.error("news of issues were not heard", { error });
    }
  }

  async function fail(row: ClaimedRow, error: unknown): Promise<void> {
    const isLast = row.attempts >= MAX_ATTEMPTS;
    await end(row, describe(error), isLast ? null : FIRST_RETRY_MS * 3 ** (row.attempts - 1), error);
  }

  async function end(row: ClaimedRow, fault: string, retryInMs: number | null, error?: unknown): Promise<void> {
    await recordFailure(db, { intakeId: row.intake_id, fault, retryInMs });
    claimed.delete(row.intake_id);
    const fields = { intakeId: row.intake_id, projectId: row.project_id, attempts: row.attempts, fault, error };
    if (retryInMs === null) {
      counts.dead.value++;
      log.warn("an accepted item is dead", fields);
    } else {
      counts.retried.value++;
      log.warn("an accepted item could not be digested; it is tried again", fields);
    }
  }

  async function release(): Promise<void> {
    if (claimed.size === 0) return;
    await giveBack(db, [...claimed]);
    claimed.clear();
  }

  async function run(): Promise<void> {
    // Left by a run that the database went away from.
    await release();
    const hasStopped = () => isStopped;
    const mayGoOn = () => isAskedAgain && !isStopped;
    do {
      isAskedAgain = false;
      let current = await readNext();
      while (current.length > 0 && !hasStopped()) {
        const [written, next] = await Promise.allSettled([finish(current), readNext()]);
        if (written.status === "rejected") throw written.reason;
        if (next.status === "rejected") throw next.reason;
        current = next.value;
      }
    } while (mayGoOn());
  }

  async function drain(): Promise<void> {
    isAskedAgain = true;
    if (isStopped || running) return;
    running = run().finally(() => {
      running = null;
    });
    await running;
  }

  return {
    drain,
    async stop() {
      isStopped = true;
      await running?.catch(() => undefined);
      await release().catch(() => undefined);
    },
  };
}

function isAway(error: unknown): boolean {
  return error instanceof AppError && error.kind === "store";
}

function isConflict(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && CONFLICTS.has(error.code);
}

function describe(error: unknown): string {
  return (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, MAX_FAULT).toWellFormed();
}
