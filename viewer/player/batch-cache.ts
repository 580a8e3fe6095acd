/**
 * The batches of one session that the viewer holds, from the live feed and from history alike: each once, in order, bounded by bytes.
 *
 * At the limit whole stretches that were used longest ago go first; what is playing and what is near the live edge stays. History can
 * be asked for again at any time.
 */

import type { ViewerBatch } from "../../protocol/batch.ts";
import { readBatch, type ReadBatch } from "./inflate.ts";
import type { RrwebEvent } from "./rrweb-events.ts";
import { SeqRanges } from "./seq-ranges.ts";

/** Most bytes of events (as JSON) that stay; parsed they take two to three times as much memory. */
export const MAX_CACHE_BYTES = 96 * 1024 * 1024;

export interface CachedBatch {
  readonly tab: string;
  readonly seq: number;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly checkout: boolean;
  readonly rawBytes: number;
  /** Inflates at the first call; a payload that cannot be read gives no events. */
  events(): Promise<readonly RrwebEvent[]>;
  /** The events, where they have been inflated already. */
  readonly ready: readonly RrwebEvent[] | null;
  /** Why its events, or some of them, cannot be shown; null while they have not been read, and where nothing is missing. */
  readonly problem: string | null;
  usedAt: number;
}

interface TabBatches {
  /** Sorted by seq. */
  batches: CachedBatch[];
  known: SeqRanges;
}

export class BatchCache {
  private readonly tabs = new Map<string, TabBatches>();
  private readonly maxBytes: number;
  private readonly onRead: (read: ReadBatch, batch: CachedBatch) => void;
  private held = 0;
  private uses = 0;

  /** @param onRead told what every batch holds, once it has been inflated */
  constructor(maxBytes = MAX_CACHE_BYTES, onRead: (read: ReadBatch, batch: CachedBatch) => void = () => undefined) {
    this.maxBytes = maxBytes;
    this.onRead = onRead;
  }

  get heldBytes(): number {
    return this.held;
  }

  /**
   * Takes a batch. `after` is the newest seq of the same stream before it: what lies between does not exist (a gap).
   * @returns the batch as it is held, the earlier one where its seq was there already
   */
  add(batch: ViewerBatch, after = batch.seq - 1): CachedBatch {
    const tab = this.tab(batch.tab);
    tab.known.add(Math.min(after + 1, batch.seq), batch.seq);
    const index = firstAtOrAfter(tab.batches, batch.seq);
    const present = tab.batches[index];
    if (present?.seq === batch.seq) return present;
    const cached = createCachedBatch(batch, ++this.uses, this.onRead);
    tab.batches.splice(index, 0, cached);
    this.held += cached.rawBytes;
    return cached;
  }

  /** Notes that nothing is missing in [fromSeq, toSeq]: it is held or does not exist. */
  markKnown(tab: string, fromSeq: number, toSeq: number): void {
    this.tab(tab).known.add(fromSeq, toSeq);
  }

  /** The last seq up to which nothing is missing from `fromSeq` on; `fromSeq - 1` where it is missing itself. */
  knownUpto(tab: string, fromSeq: number): number {
    return this.tabs.get(tab)?.known.knownUpto(fromSeq) ?? fromSeq - 1;
  }

  /** The next batch after `seq`, or null where nothing is held there or something between is not known. */
  next(tab: string, seq: number): CachedBatch | null {
    const entry = this.tabs.get(tab);
    const batch = entry?.batches[firstAtOrAfter(entry.batches, seq + 1)];
    if (!entry || !batch || !entry.known.has(seq + 1, batch.seq)) return null;
    batch.usedAt = ++this.uses;
    return batch;
  }

  /** Batches from `fromSeq` on, as far as nothing is missing. */
  run(tab: string, fromSeq: number): CachedBatch[] {
    const entry = this.tabs.get(tab);
    if (!entry) return [];
    const upto = entry.known.knownUpto(fromSeq);
    const batches = entry.batches.slice(firstAtOrAfter(entry.batches, fromSeq), firstAtOrAfter(entry.batches, upto + 1));
    for (const batch of batches) batch.usedAt = ++this.uses;
    return batches;
  }

  /** Newest seq held of a tab, or -1. */
  newestSeq(tab: string): number {
    return this.tabs.get(tab)?.batches.at(-1)?.seq ?? -1;
  }

  /**
   * Drops what was used longest ago until the bytes fit, never inside `keep`: a stretch is everything of a tab from one checkout to the
   * next, because a part of it is of no use without its beginning.
   */
  trim(keep: (batch: CachedBatch) => boolean): void {
    if (this.held <= this.maxBytes) return;
    const stretches = [...this.tabs].flatMap(([tab, entry]) =>
      cutAtCheckouts(entry.batches).map((batches) => ({ tab, batches })),
    );
    stretches.sort((a, b) => lastUse(a.batches) - lastUse(b.batches));
    for (const { tab, batches } of stretches) {
      if (this.held <= this.maxBytes) return;
      if (batches.some(keep)) continue;
      this.drop(tab, batches);
    }
  }

  private drop(tab: string, batches: readonly CachedBatch[]): void {
    const first = batches[0];
    const last = batches.at(-1);
    const entry = this.tabs.get(tab);
    if (!first || !last || !entry) return;
    entry.batches.splice(firstAtOrAfter(entry.batches, first.seq), batches.length);
    entry.known.remove(first.seq, last.seq);
    for (const batch of batches) this.held -= batch.rawBytes;
  }

  private tab(tab: string): TabBatches {
    let entry = this.tabs.get(tab);
    if (!entry) this.tabs.set(tab, (entry = { batches: [], known: new SeqRanges() }));
    return entry;
  }
}

function createCachedBatch(
  batch: ViewerBatch,
  usedAt: number,
  onRead: (read: ReadBatch, batch: CachedBatch) => void,
): CachedBatch {
  const { tab, seq, firstAt, lastAt, checkout, rawBytes } = batch;
  let packed: ViewerBatch | null = batch;
  let reading: Promise<readonly RrwebEvent[]> | null = null;
  let ready: readonly RrwebEvent[] | null = null;
  let problem: string | null = null;
  const take = (read: ReadBatch): readonly RrwebEvent[] => {
    problem = read.problem;
    ready = read.events;
    onRead(read, cached);
    return read.events;
  };
  const cached: CachedBatch = {
    tab,
    seq,
    firstAt,
    lastAt,
    checkout,
    rawBytes,
    usedAt,
    get ready() {
      return ready;
    },
    get problem() {
      return problem;
    },
    events() {
      if (packed) {
        reading = readBatch(packed).then(take);
        packed = null;
      }
      return reading ?? Promise.resolve([]);
    },
  };
  return cached;
}

/** Index of the first batch with this seq or a later one. */
function firstAtOrAfter(batches: readonly CachedBatch[], seq: number): number {
  let low = 0;
  let high = batches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((batches[middle]?.seq ?? Infinity) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

function cutAtCheckouts(batches: readonly CachedBatch[]): CachedBatch[][] {
  const stretches: CachedBatch[][] = [];
  for (const batch of batches) {
    const current = stretches.at(-1);
    if (!current || batch.checkout) stretches.push([batch]);
    else current.push(batch);
  }
  return stretches;
}

function lastUse(batches: readonly CachedBatch[]): number {
  return batches.reduce((latest, batch) => Math.max(latest, batch.usedAt), 0);
}
