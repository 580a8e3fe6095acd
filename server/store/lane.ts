/**
 * One line of batches to Postgres: what waits when a commit returns goes into the next (group commit).
 *
 * States: idle (nothing waits) -> writing -> idle; away (the last try failed; the oldest rows are tried again with back-off, and
 * where none wait a connection is) -> writing; closed.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectionOptions } from "../db/connection.ts";
import type { Logger } from "../log.ts";
import { CopyWriter } from "./copy-writer.ts";
import { classify, describeFault } from "./faults.ts";
import type { Partitions } from "./partitions.ts";
import type { BatchRow } from "./store.ts";
import { type Budget, WriteBuffer } from "./write-buffer.ts";

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;
/** A fault of the kind `busy` or `partition` that comes this often in a row is told like one of the kind `away`. */
const PATIENCE = 5;

export interface LaneDeps {
  connection: ConnectionOptions;
  partitions: Partitions;
  log: Logger;
  budget: Budget;
  /** Bounds of one transaction. */
  maxRows: number;
  maxBytes: number;
  /** How long to gather before one; 0: not at all. */
  gatherMs: number;
  onCommit(rows: readonly BatchRow[], tookMs: number): void;
  onConflict(): void;
  /** Postgres will never take this row; `partly` where its payload was stored and only its markers were not. */
  onRefused(row: BatchRow, reason: string, partly: boolean): void;
  onAway(error: unknown): void;
  onBack(): void;
}

export class Lane {
  private readonly deps: LaneDeps;
  private readonly buffer: WriteBuffer;
  private readonly writer: CopyWriter;
  /** When the transaction under way began, or null. */
  private since: number | null = null;
  private isRunning = false;
  private isAway = false;
  private isClosed = false;
  private failures = 0;
  private wakeUp: AbortController = new AbortController();
  /** Sessions whose rows are thrown away before the next transaction; those of the one under way are let be. */
  private unwanted = new Set<string>();

  constructor(deps: LaneDeps) {
    this.deps = deps;
    this.buffer = new WriteBuffer(deps.budget);
    this.writer = new CopyWriter(deps.connection, () => {
      this.lost(new Error("the connection was lost"));
    });
  }

  get count(): number {
    return this.buffer.count;
  }

  /** How long the transaction under way has taken so far. */
  busyMs(now: number): number {
    return this.since === null ? 0 : now - this.since;
  }

  /** @throws where Postgres cannot be reached */
  start(): Promise<void> {
    return this.writer.connect();
  }

  /** Takes a row; false where the budget is used up. */
  append(row: BatchRow): boolean {
    if (!this.buffer.push(row)) return false;
    this.wake();
    return true;
  }

  /** Rows of these sessions are not written any more, but for those that are on their way already. */
  forget(sessionIds: ReadonlySet<string>): void {
    if (this.buffer.count === 0) return;
    for (const id of sessionIds) this.unwanted.add(id);
  }

  /** Resolves when all that was appended so far is written or put aside. */
  passed(): Promise<void> {
    return this.buffer.passed();
  }

  /** Stops at once; what is not written by now is given up. Returns how many rows that are. */
  async close(): Promise<number> {
    this.isClosed = true;
    this.wakeUp.abort();
    await this.writer.close();
    return this.buffer.count;
  }

  private wake(): void {
    if (this.isRunning || this.isClosed) return;
    this.isRunning = true;
    // After the messages that this turn of the event loop still brings.
    setImmediate(() => {
      void this.run();
    });
  }

  private lost(error: unknown): void {
    if (this.isClosed) return;
    this.setAway(error);
    this.wake();
  }

  private async run(): Promise<void> {
    while (!this.isClosed && (this.buffer.count > 0 || this.isAway)) {
      try {
        if (this.buffer.count === 0) await this.writer.connect();
        else await this.writeSome();
        this.setBack();
      } catch (error) {
        await this.recover(error);
      }
    }
    this.isRunning = false;
  }

  private async writeSome(): Promise<void> {
    const { gatherMs, maxRows, maxBytes } = this.deps;
    if (gatherMs > 0 && this.buffer.count < maxRows) await sleep(gatherMs);
    if (this.unwanted.size > 0) {
      const { unwanted } = this;
      this.unwanted = new Set();
      this.buffer.discard((row) => unwanted.has(row.sessionId));
      if (this.buffer.count === 0) return;
    }
    await this.store(this.buffer.peek(maxRows, maxBytes));
  }

  /** Writes rows from the head of the buffer and takes them out of it. */
  private async store(rows: readonly BatchRow[]): Promise<void> {
    try {
      await this.ensurePartitions(rows);
      const took = await this.timed(() => this.writer.write(rows));
      this.settle(rows, took);
    } catch (error) {
      const fault = classify(error);
      if (fault === "conflict") await this.storeSkippingDoubles(rows);
      else if (fault === "poison") await this.isolate(rows, error);
      else throw error;
    }
  }

  private async storeSkippingDoubles(rows: readonly BatchRow[]): Promise<void> {
    this.deps.onConflict();
    try {
      const took = await this.timed(() => this.writer.writeSkippingDoubles(rows));
      this.settle(rows, took);
    } catch (error) {
      if (classify(error) !== "poison") throw error;
      await this.isolate(rows, error);
    }
  }

  /** One of the rows is refused for ever: halves the group until it stands alone. Order holds, the others are written. */
  private async isolate(rows: readonly BatchRow[], error: unknown): Promise<void> {
    const [row] = rows;
    if (row === undefined) return;
    if (rows.length > 1) {
      const middle = rows.length >> 1;
      await this.store(rows.slice(0, middle));
      await this.store(rows.slice(middle));
      return;
    }
    if (row.markers.length > 0 && (await this.storeWithoutMarkers(row, error))) return;
    this.buffer.drop(1);
    this.deps.onRefused(row, reasonOf(error), false);
  }

  private async storeWithoutMarkers(row: BatchRow, reason: unknown): Promise<boolean> {
    try {
      const took = await this.timed(() => this.writer.writeSkippingDoubles([{ ...row, markers: [] }]));
      this.deps.onRefused(row, reasonOf(reason), true);
      this.settle([row], took);
      return true;
    } catch (error) {
      if (classify(error) !== "poison") throw error;
      return false;
    }
  }

  private settle(rows: readonly BatchRow[], tookMs: number): void {
    this.buffer.drop(rows.length);
    this.deps.onCommit(rows, tookMs);
  }

  private async timed(write: () => Promise<void>): Promise<number> {
    this.since = performance.now();
    try {
      await write();
      return performance.now() - this.since;
    } finally {
      this.since = null;
    }
  }

  private async ensurePartitions(rows: readonly BatchRow[]): Promise<void> {
    let last = "";
    for (const { startedOn } of rows) {
      if (startedOn === last) continue;
      last = startedOn;
      if (!this.deps.partitions.isKnown(startedOn)) await this.deps.partitions.ensure(startedOn);
    }
  }

  private async recover(error: unknown): Promise<void> {
    if (this.isClosed) return;
    const fault = classify(error);
    if (fault === "partition")
      for (const row of this.buffer.peek(this.deps.maxRows, this.deps.maxBytes)) this.deps.partitions.forget(row.startedOn);
    this.failures++;
    if (fault === "away" || this.failures > PATIENCE) this.setAway(error);
    const patience = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.failures - 1, 10));
    await sleep(patience * (0.5 + Math.random() / 2), undefined, { signal: this.wakeUp.signal }).catch(() => undefined);
  }

  private setAway(error: unknown): void {
    if (!this.isAway) this.deps.log.error("batches cannot be written now; they are kept and tried again", describeFault(error));
    this.isAway = true;
    this.deps.onAway(error);
  }

  private setBack(): void {
    this.failures = 0;
    if (!this.isAway) return;
    this.isAway = false;
    this.deps.log.info("batches can be written again", { waiting: this.buffer.count });
    this.deps.onBack();
  }
}

function reasonOf(error: unknown): string {
  const { error: text, sqlState } = describeFault(error);
  return sqlState === null ? text : `${sqlState} ${text}`;
}
