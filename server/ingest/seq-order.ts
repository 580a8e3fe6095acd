/**
 * The order of one tab's batches: which seq goes on next, what was seen, what waits behind a hole. Pure: it neither forwards nor
 * stores.
 *
 * Held things are batches that came too early, and gaps that the tracker declared ahead of what has arrived. They are let go by
 * `release`, in order, as soon as the hole before them is filled or given up.
 */

/** Most batches and declared gaps that wait behind the holes of one tab. */
export const MAX_HELD_COUNT = 256;
/** Most bytes of payloads that wait behind the holes of one tab. */
export const MAX_HELD_BYTES = 4 * 1024 * 1024;

/** Inclusive range of seqs that will never come. */
export interface Gap {
  fromSeq: number;
  toSeq: number;
}

interface Sized {
  seq: number;
  payload: Uint8Array;
}

type Held<B> = { kind: "batch"; batch: B } | { kind: "gap"; toSeq: number };

/** What can go on now. */
export type Released<B> = { kind: "batch"; batch: B } | { kind: "gap"; gap: Gap };

export class SeqOrder<B extends Sized> {
  /** The seq that goes on next; everything before it was received or is a gap. */
  next: number;
  /** Server time when the present hole was first seen; 0 where there is none. */
  holeSince = 0;
  heldBytes = 0;
  private held: Map<number, Held<B>> | null = null;

  constructor(next: number) {
    this.next = next;
  }

  get isHolding(): boolean {
    return this.held !== null;
  }

  /** True where something of this seq waits already. */
  holds(seq: number): boolean {
    return this.held?.has(seq) ?? false;
  }

  /** Keeps a batch that came too early; false where there is no room for it. */
  hold(batch: B): boolean {
    if (this.holds(batch.seq)) return true;
    if (this.isFull || this.heldBytes + batch.payload.length > MAX_HELD_BYTES) return false;
    this.held ??= new Map();
    this.held.set(batch.seq, { kind: "batch", batch });
    this.heldBytes += batch.payload.length;
    return true;
  }

  /** Keeps a gap that the tracker declared; false where there is no room, or nothing left of it. */
  holdGap(gap: Gap): boolean {
    if (gap.toSeq < this.next) return false;
    const fromSeq = Math.max(gap.fromSeq, this.next);
    if (this.holds(fromSeq) || this.isFull) return this.holds(fromSeq);
    this.held ??= new Map();
    this.held.set(fromSeq, { kind: "gap", toSeq: gap.toSeq });
    return true;
  }

  /** Takes out what can go on, or null. A batch does not move `next`: whoever has it taken in says so by `pass`. */
  release(): Released<B> | null {
    const held = this.held?.get(this.next);
    if (!held) return null;
    this.remove(this.next, held);
    if (held.kind === "batch") return held;
    const gap = { fromSeq: this.next, toSeq: held.toSeq };
    this.skipTo(held.toSeq + 1);
    return { kind: "gap", gap };
  }

  /** The batch `next` was taken in. */
  pass(): void {
    this.next++;
    if (this.held === null) this.holeSince = 0;
  }

  /** Turns the hole before the oldest held thing into a gap; null where nothing is held. */
  giveUp(): Gap | null {
    if (this.held === null) return null;
    let oldest = Number.POSITIVE_INFINITY;
    for (const seq of this.held.keys()) oldest = Math.min(oldest, seq);
    const gap = { fromSeq: this.next, toSeq: oldest - 1 };
    this.skipTo(oldest);
    return gap.toSeq < gap.fromSeq ? null : gap;
  }

  /** Forgets what is held; the tracker sends it again. */
  drop(): void {
    this.held = null;
    this.heldBytes = 0;
    this.holeSince = 0;
  }

  private get isFull(): boolean {
    return (this.held?.size ?? 0) >= MAX_HELD_COUNT;
  }

  private skipTo(seq: number): void {
    this.next = seq;
    for (const [heldSeq, held] of this.held ?? []) {
      if (heldSeq >= seq) continue;
      this.remove(heldSeq, held);
      // A declared gap may reach further than the one that swallowed its start.
      if (held.kind === "gap" && held.toSeq >= seq) this.holdGap({ fromSeq: seq, toSeq: held.toSeq });
    }
  }

  private remove(seq: number, held: Held<B>): void {
    this.held?.delete(seq);
    if (held.kind === "batch") this.heldBytes -= held.batch.payload.length;
    if (this.held?.size === 0) {
      this.held = null;
      this.holeSince = 0;
    }
  }
}
