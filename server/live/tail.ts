/**
 * The tail of one tab: its newest batches, in order.
 *
 * Promise: what the tail does not hold is in the database (or is a gap). It therefore keeps every batch until that is durable; beyond
 * that it keeps what came since the newest checkout, so that a viewer can join without the database, as far as the memory allows:
 * one that has grown too large lets go of all that is durable, and begins again with the next checkout.
 */

import type { BatchRow } from "../store/store.ts";

/** Most payload bytes that one tail keeps besides what is not durable yet. */
export const MAX_TAB_TAIL_BYTES = 4 * 1024 * 1024;
/** What a batch takes besides its payload: the row, its strings and its place in the tail. */
const ROW_BYTES = 320;

/** Shared by the tails that hold nothing; never pushed to. */
const NO_ROWS: BatchRow[] = [];

/** Bytes in all tails together; shared by them. */
export interface TailBudget {
  bytes: number;
}

export class TabTail {
  readonly tab: string;
  /** Newest seq that was published, declared a gap, or is in the database; -1 for none. */
  newest: number;
  /** Seq of the newest checkout that came by, or -1. */
  newestCheckout = -1;
  /** Server time and payload bytes since the newest checkout came by. */
  checkoutReceivedAt = 0;
  bytesSinceCheckout = 0;
  /** Server time of the newest batch. */
  receivedAt = 0;
  private readonly budget: TailBudget;
  private rows: BatchRow[] = NO_ROWS;
  private bytes = 0;
  /** Newest seq that is durable. */
  private durable: number;
  /** False while it holds only what is not durable yet. */
  private isKept: boolean;

  /** @param upto newest seq in the database, or -1 */
  constructor(tab: string, upto: number, budget: TailBudget) {
    this.tab = tab;
    this.newest = upto;
    this.durable = upto;
    this.isKept = upto < 0;
    this.budget = budget;
  }

  /** Everything before this seq is in the database or a gap. */
  get first(): number {
    return this.rows[0]?.seq ?? this.newest + 1;
  }

  /** The oldest held row with this seq or a later one. */
  at(seq: number): BatchRow | undefined {
    const { rows } = this;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((rows[middle]?.seq ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return rows[low];
  }

  /** Seq of the newest held checkout that began at or before page time `at`, or -1. */
  checkoutBefore(at: number): number {
    for (let i = this.rows.length - 1; i >= 0; i--) {
      const row = this.rows[i];
      if (row?.checkout && row.firstAt <= at) return row.seq;
    }
    return -1;
  }

  /** Appends a batch with a seq above `newest`. */
  push(row: BatchRow): void {
    const bytes = row.payload.length;
    if (this.rows === NO_ROWS) this.rows = [row];
    else this.rows.push(row);
    this.newest = row.seq;
    this.receivedAt = row.receivedAt;
    this.grow(bytes + ROW_BYTES);
    if (row.checkout) {
      this.newestCheckout = row.seq;
      this.checkoutReceivedAt = row.receivedAt;
      this.bytesSinceCheckout = 0;
      this.isKept = true;
      this.trim();
    }
    this.bytesSinceCheckout += bytes;
    if (this.bytes > MAX_TAB_TAIL_BYTES) this.letGo();
  }

  /** These will never come, or are in the database already. */
  skipTo(seq: number): void {
    if (seq > this.newest) this.newest = seq;
  }

  /** Everything up to `upto` is durable. */
  committed(upto: number): void {
    if (upto <= this.durable) return;
    this.durable = upto;
    this.trim();
  }

  /** Keeps only what is not durable yet, until the next checkout. */
  letGo(): void {
    this.isKept = false;
    this.trim();
  }

  /** Lets go of everything; the tail is not used any more. */
  clear(): void {
    this.rows = NO_ROWS;
    this.grow(-this.bytes);
  }

  private trim(): void {
    const { rows } = this;
    let count = 0;
    for (const row of rows) {
      if (row.seq > this.durable || (this.isKept && row.seq >= this.newestCheckout)) break;
      this.grow(-row.payload.length - ROW_BYTES);
      count++;
    }
    if (count > 0) this.rows = count === rows.length ? NO_ROWS : rows.slice(count);
  }

  private grow(bytes: number): void {
    this.bytes += bytes;
    this.budget.bytes += bytes;
  }
}
