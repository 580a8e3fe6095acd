/**
 * Works on leak scans, one at a time in each process. A scan belongs to a runner by a lease that it renews; where the process dies, another
 * goes on behind the last session that was done.
 *
 * pending -> running (claimed) -> done | failed (tried too often)     running -> pending (given back at a stop), cancelled (by a person)
 */

import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import {
  claimScan,
  countSessions,
  endScan,
  nextSessions,
  releaseScan,
  renewLease,
  saveSession,
  type ClaimedScan,
} from "./scan-queries.ts";
import { scanSession } from "./scan-session.ts";
import { createWorkerPool } from "./worker-pool.ts";

/** How often it is looked for a scan that somebody else asked for, or that its runner left behind. */
const LOOK_MS = 5_000;
const RENEW_MS = 15_000;
const SESSIONS_AT_ONCE = 50;
/** Most findings that are listed of one scan. */
const MAX_LISTED = 2_000;
/** A scan on which this many runners gave up within one session has failed. */
const MAX_ATTEMPTS = 4;

/** What works on scans. */
export interface ScanRunner {
  start(): void;
  /** There is a new scan. */
  wake(): void;
  /** Gives back the scan that is being worked on. */
  stop(): Promise<void>;
}

/** What the runner is built from. */
export interface ScanRunnerDeps {
  db: Database;
  clock: Clock;
  log: Logger;
}

/** Builds a runner. Its thread is its own, so that a scan never delays redaction. */
export function createScanRunner({ db, clock, log }: ScanRunnerDeps): ScanRunner {
  const runner = randomUUID();
  const pool = createWorkerPool({ clock, log, maxThreads: 1 });
  let working: Promise<void> | null = null;
  let isAskedAgain = false;
  let isRunning = false;
  let stopTimer = () => {};

  function wake(): void {
    if (!isRunning) return;
    if (working) {
      isAskedAgain = true;
      return;
    }
    working = workOnAll()
      .catch((error: unknown) => {
        log.warn("leak scans could not be worked on", { error: String(error) });
      })
      .finally(() => {
        working = null;
        if (!isAskedAgain) return;
        isAskedAgain = false;
        wake();
      });
  }

  async function workOnAll(): Promise<void> {
    while (isRunning) {
      const scan = await claimScan(db, runner);
      if (!scan) return;
      if (scan.attempts > MAX_ATTEMPTS) await endScan(db, scan.id, runner, "it was begun too often and never finished");
      else await workOn(scan);
    }
  }

  async function workOn(scan: ClaimedScan): Promise<void> {
    if (scan.after === "") await countSessions(db, scan);
    let renewedAt = clock.now();
    const goesOn = async () => {
      if (!isRunning) return false;
      if (clock.now() - renewedAt < RENEW_MS) return true;
      renewedAt = clock.now();
      return renewLease(db, scan.id, runner);
    };
    let { after, listed } = scan;
    for (;;) {
      const sessions = await nextSessions(db, scan, after, SESSIONS_AT_ONCE);
      for (const session of sessions) {
        const result = (await goesOn()) ? await scanSession({ db, pool, scan, goesOn }, session) : null;
        if (result === null) {
          await releaseScan(db, scan.id, runner);
          return;
        }
        const findings = result.findings.slice(0, Math.max(0, MAX_LISTED - listed));
        const isTruncated = result.isTruncated || findings.length < result.findings.length;
        // Cancelled, or gone to another runner.
        if (!(await saveSession(db, scan.id, runner, { ...result, findings, isTruncated }))) return;
        listed += findings.length;
        after = session.sessionId;
      }
      if (sessions.length < SESSIONS_AT_ONCE) break;
    }
    await endScan(db, scan.id, runner, null);
    log.info("a leak scan is done", { scanId: scan.id, projectId: scan.projectId });
  }

  return {
    start() {
      isRunning = true;
      stopTimer = clock.every(LOOK_MS, wake);
      wake();
    },
    wake,
    async stop() {
      isRunning = false;
      stopTimer();
      await pool.stop();
      await working;
    },
  };
}
