/** Batches on their way to Postgres, in the order in which they came; at the limit of bytes the next one is refused. */

import type { BatchRow } from "./store.ts";

/** What a row takes beside its payload: the object, its strings and its place in the queue. */
const ROW_BYTES = 512;
const MARKER_BYTES = 256;

/** Bytes of memory that a row holds, near enough to bound them. */
export function sizeOf(row: BatchRow): number {
  let bytes = row.payload.length + ROW_BYTES;
  for (const marker of row.markers) {
    for (const { name, text, stack } of [marker, ...(marker.causes ?? [])]) {
      bytes += MARKER_BYTES + 2 * ((name?.length ?? 0) + (text?.length ?? 0) + (stack?.length ?? 0));
    }
    if (marker.data === undefined) continue;
    for (const value of Object.values(marker.data)) bytes += 64 + (typeof value === "string" ? 2 * value.length : 0);
  }
  return bytes;
}

/** A share of bytes that several queues have together. */
export interface Budget {
  readonly maxBytes: number;
  usedBytes: number;
}

/** First in, first out; rows stay in it until they are done with. */
export class WriteBuffer {
  private readonly budget: Budget;
  private rows: BatchRow[] = [];
  private sizes: number[] = [];
  /** Rows before this place are done with. */
  private head = 0;
  private doneCount = 0;
  private waiting: { until: number; resolve: () => void }[] = [];

  constructor(budget: Budget) {
    this.budget = budget;
  }

  get count(): number {
    return this.rows.length - this.head;
  }

  /** False at the limit. An empty buffer takes any row, so that a large one is not refused for ever. */
  push(row: BatchRow): boolean {
    const size = sizeOf(row);
    if (this.budget.usedBytes + size > this.budget.maxBytes && this.budget.usedBytes > 0) return false;
    this.budget.usedBytes += size;
    this.rows.push(row);
    this.sizes.push(size);
    return true;
  }

  /** The oldest rows, at least one where there is one, within the bounds. They stay in the buffer. */
  peek(maxRows: number, maxBytes: number): BatchRow[] {
    const end = Math.min(this.rows.length, this.head + maxRows);
    let bytes = 0;
    let to = this.head;
    while (to < end) {
      bytes += this.sizes[to] ?? 0;
      if (bytes > maxBytes && to > this.head) break;
      to++;
    }
    return this.rows.slice(this.head, to);
  }

  /** The oldest `count` rows are done with: written, or put aside. */
  drop(count: number): void {
    for (let i = 0; i < count; i++) this.budget.usedBytes -= this.sizes[this.head + i] ?? 0;
    this.head += count;
    this.doneCount += count;
    if (this.head === this.rows.length) {
      this.rows = [];
      this.sizes = [];
      this.head = 0;
    } else if (this.head > 1024 && this.head * 2 > this.rows.length) {
      this.rows = this.rows.slice(this.head);
      this.sizes = this.sizes.slice(this.head);
      this.head = 0;
    }
    this.tellWaiting();
  }

  /** Throws away the rows that are `unwanted`, wherever they stand. Not while rows that were peeked at are being written. */
  discard(unwanted: (row: BatchRow) => boolean): void {
    const rows: BatchRow[] = [];
    const sizes: number[] = [];
    /** Places that were thrown away, counted as `doneCount` counts. */
    const gone: number[] = [];
    for (let at = this.head; at < this.rows.length; at++) {
      const row = this.rows[at];
      const size = this.sizes[at] ?? 0;
      if (row === undefined) continue;
      if (unwanted(row)) {
        this.budget.usedBytes -= size;
        gone.push(this.doneCount + at - this.head + 1);
      } else {
        rows.push(row);
        sizes.push(size);
      }
    }
    this.rows = rows;
    this.sizes = sizes;
    this.head = 0;
    for (const waiter of this.waiting) waiter.until -= gone.filter((place) => place <= waiter.until).length;
    this.tellWaiting();
  }

  /** Resolves when everything that is in the buffer now is done with. */
  passed(): Promise<void> {
    if (this.count === 0) return Promise.resolve();
    const until = this.doneCount + this.count;
    return new Promise((resolve) => this.waiting.push({ until, resolve }));
  }

  private tellWaiting(): void {
    while (this.waiting[0] !== undefined && this.waiting[0].until <= this.doneCount) this.waiting.shift()?.resolve();
  }
}
