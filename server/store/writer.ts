/** The lanes together: who goes where, what is held in all, and how the store is. */

import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../app-error.ts";
import { Lane } from "./lane.ts";
import type { Partitions } from "./partitions.ts";
import type { BatchRow, StoreDeps, StoreOptions, StoreState, StoreStatus } from "./store.ts";
import type { Budget } from "./write-buffer.ts";

/** A commit that takes longer makes the store `slow`. */
const SLOW_COMMIT_MS = 2_000;
/** For how long one slow commit does, where no other follows. */
const REMEMBER_SLOW_MS = 10_000;
const LOOK_INTERVAL_MS = 500;

export class Writer {
  private readonly deps: StoreDeps;
  private readonly budget: Budget;
  private readonly lanes: Lane[];
  private readonly away = new Set<number>();
  private readonly impatient = new Set<() => void>();
  private readonly counts = { committedBatches: 0, committedBytes: 0, conflicts: 0, refusedBatches: 0 };
  private lastCommitMs = 0;
  private lastCommitAt = 0;
  private state: StoreState = "ok";
  private isDraining = false;
  private stopLooking: (() => void) | null = null;

  constructor(deps: StoreDeps, options: StoreOptions, partitions: Partitions) {
    this.deps = deps;
    this.budget = { maxBytes: options.maxPendingBytes, usedBytes: 0 };
    this.lanes = Array.from({ length: options.lanes }, (_, index) => this.createLane(index, options, partitions));
  }

  /** @throws where Postgres cannot be reached */
  async start(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.start()));
    this.stopLooking = this.deps.clock.every(LOOK_INTERVAL_MS, () => {
      this.look();
    });
  }

  append(row: BatchRow): boolean {
    return !this.isDraining && this.laneOf(row.sessionId).append(row);
  }

  /**
   * Throws away what waits of these sessions; resolves when what was under way of them is written.
   * @throws AppError `store` where Postgres is away, or goes away meanwhile
   */
  async forget(sessionIds: ReadonlySet<string>): Promise<void> {
    for (const lane of this.lanes) lane.forget(sessionIds);
    await this.settled();
  }

  /**
   * Resolves when all that was appended so far is written or put aside.
   * @throws AppError `store` where Postgres is away, or goes away meanwhile
   */
  async settled(): Promise<void> {
    let giveUp: () => void = () => undefined;
    const down = new Promise<never>((_, reject) => {
      giveUp = () => {
        reject(new AppError("store", "the database does not answer", { retryAfterMs: 2_000 }));
      };
    });
    if (this.away.size > 0) giveUp();
    this.impatient.add(giveUp);
    try {
      await Promise.race([this.passed(), down]);
    } finally {
      this.impatient.delete(giveUp);
    }
  }

  /** Takes nothing more, writes what is held, and closes. Returns how many batches were left when the time was up. */
  async drain(timeoutMs: number): Promise<number> {
    this.isDraining = true;
    const enough = new AbortController();
    await Promise.race([this.passed(), sleep(timeoutMs, undefined, { signal: enough.signal }).catch(() => undefined)]);
    enough.abort();
    this.stopLooking?.();
    const left = await Promise.all(this.lanes.map((lane) => lane.close()));
    return left.reduce((sum, count) => sum + count, 0);
  }

  status(): StoreStatus {
    return {
      state: this.findState(),
      pendingBatches: this.lanes.reduce((sum, lane) => sum + lane.count, 0),
      pendingBytes: this.budget.usedBytes,
      maxPendingBytes: this.budget.maxBytes,
      lastCommitMs: this.lastCommitMs,
      ...this.counts,
    };
  }

  /** A session stays in its lane: a tab's order is that of its lane. The end of an id is its random part. */
  private laneOf(sessionId: string): Lane {
    const { lanes } = this;
    let hash = 0;
    if (lanes.length > 1) {
      for (let i = Math.max(0, sessionId.length - 8); i < sessionId.length; i++) hash = (hash * 31 + sessionId.charCodeAt(i)) | 0;
    }
    const lane = lanes[(hash >>> 0) % lanes.length];
    if (lane === undefined) throw new RangeError("a store has at least one lane");
    return lane;
  }

  private async passed(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.passed()));
  }

  private createLane(index: number, options: StoreOptions, partitions: Partitions): Lane {
    const { connection, log, events } = this.deps;
    return new Lane({
      connection,
      partitions,
      log,
      budget: this.budget,
      maxRows: options.maxBatchesPerCommit,
      maxBytes: options.maxBytesPerCommit,
      gatherMs: options.gatherMs,
      onCommit: (rows, tookMs) => {
        this.lastCommitMs = tookMs;
        this.lastCommitAt = performance.now();
        this.counts.committedBatches += rows.length;
        for (const row of rows) this.counts.committedBytes += row.payload.length;
        events.onDurable(rows);
      },
      onConflict: () => {
        this.counts.conflicts++;
      },
      onRefused: (row, reason, partly) => {
        this.counts.refusedBatches++;
        log.error(partly ? "markers of a batch were refused by the database" : "a batch was refused by the database", {
          sessionId: row.sessionId,
          tab: row.tab,
          seq: row.seq,
          reason,
        });
        if (!partly) events.onRefused(row, reason);
      },
      onAway: () => {
        this.away.add(index);
        for (const giveUp of this.impatient) giveUp();
        this.look();
      },
      onBack: () => {
        this.away.delete(index);
        this.look();
      },
    });
  }

  private findState(): StoreState {
    if (this.away.size > 0) return "down";
    const now = performance.now();
    const isLate = this.lanes.some((lane) => lane.busyMs(now) > SLOW_COMMIT_MS);
    const isFilling = this.budget.usedBytes > this.budget.maxBytes / 2;
    const wasLate = this.lastCommitMs > SLOW_COMMIT_MS && now - this.lastCommitAt < REMEMBER_SLOW_MS;
    return isLate || isFilling || wasLate ? "slow" : "ok";
  }

  private look(): void {
    const state = this.findState();
    if (state === this.state) return;
    this.state = state;
    this.deps.events.onStateChange(state);
  }
}
