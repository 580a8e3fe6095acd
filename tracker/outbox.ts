/** What has not been acknowledged yet, in order, bounded by bytes. Pure: `shelf.ts` keeps it on the device, `sender.ts` sends it. */

import type { PackedBatch } from "../protocol/batch.ts";

/** A packed batch in waiting. */
export interface Entry {
  batch: PackedBatch;
  /** What it counts against the bounds: payload and markers. */
  bytes: number;
  /** True once it is on the device's shelf. */
  stored?: boolean;
}

export interface Outbox {
  /** Oldest first, seqs rising, possibly with holes where entries were dropped. */
  readonly entries: readonly Entry[];
  /** Seq of the next batch that comes in. */
  readonly nextSeq: number;
  /**
   * Gives a batch its seq and takes it in. Where that passes the bound, the oldest go, up to the next checkout.
   * @returns false where entries were dropped and no checkout is left
   */
  add: (batch: Omit<PackedBatch, "seq">) => boolean;
  /** Uses up a seq for a batch that can never be sent; the sender will say so as a gap. */
  skip: () => void;
  /** Puts back what was read from the shelf. */
  restore: (entries: readonly Entry[], nextSeq: number) => void;
  /** Everything up to and including `upto` is durable. */
  ack: (upto: number) => void;
  /** The first entry at or after `seq`. */
  from: (seq: number) => Entry | undefined;
  /** Numbers everything from 0 again, for another session. */
  renumber: () => void;
  clear: () => void;
}

const MARKER_BYTES = 256;

/** @param maxBytes most bytes it holds; the newest entry always stays */
export function createOutbox(maxBytes: number): Outbox {
  let entries: Entry[] = [];
  let nextSeq = 0;
  let bytes = 0;

  function recount(kept: Entry[]): void {
    entries = kept;
    bytes = kept.reduce((sum, entry) => sum + entry.bytes, 0);
  }

  return {
    get entries() {
      return entries;
    },
    get nextSeq() {
      return nextSeq;
    },
    add(batch) {
      const entry = {
        batch: { ...batch, seq: nextSeq++ },
        bytes: batch.payload.length + batch.markers.reduce((sum, marker) => sum + MARKER_BYTES + (marker.stack?.length ?? 0), 0),
      };
      entries.push(entry);
      bytes += entry.bytes;
      if (bytes <= maxBytes) return true;
      while (bytes > maxBytes && entries.length > 1) {
        const checkout = entries.findIndex((held, index) => index > 0 && held.batch.checkout);
        recount(entries.slice(checkout > 0 ? checkout : -1));
      }
      return entries.some((held) => held.batch.checkout);
    },
    skip() {
      nextSeq++;
    },
    restore(held, seq) {
      recount([...held]);
      nextSeq = seq;
    },
    ack(upto) {
      if (entries[0] && entries[0].batch.seq <= upto) recount(entries.filter((entry) => entry.batch.seq > upto));
    },
    from: (seq) => entries.find((entry) => entry.batch.seq >= seq),
    renumber() {
      const first = entries[0]?.batch.seq ?? nextSeq;
      for (const entry of entries) {
        entry.batch = { ...entry.batch, seq: entry.batch.seq - first };
        entry.stored = false;
      }
      nextSeq -= first;
    },
    clear() {
      recount([]);
      nextSeq = 0;
    },
  };
}
