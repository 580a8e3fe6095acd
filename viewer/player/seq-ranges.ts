/** Which seqs of a tab are known whole: everything in a range is either held or does not exist. */

export interface SeqRange {
  from: number;
  to: number;
}

/** Sorted ranges without overlaps and without neighbours that touch. */
export class SeqRanges {
  private ranges: SeqRange[] = [];

  add(from: number, to: number): void {
    if (to < from) return;
    const merged = { from, to };
    const rest: SeqRange[] = [];
    for (const range of this.ranges) {
      if (range.to < merged.from - 1 || range.from > merged.to + 1) rest.push(range);
      else {
        merged.from = Math.min(merged.from, range.from);
        merged.to = Math.max(merged.to, range.to);
      }
    }
    rest.push(merged);
    this.ranges = rest.sort((a, b) => a.from - b.from);
  }

  remove(from: number, to: number): void {
    this.ranges = this.ranges.flatMap((range) => {
      if (range.to < from || range.from > to) return [range];
      const left = { from: range.from, to: Math.min(range.to, from - 1) };
      const right = { from: Math.max(range.from, to + 1), to: range.to };
      return [left, right].filter((piece) => piece.to >= piece.from);
    });
  }

  /** The last seq up to which everything from `from` on is known; `from - 1` where `from` itself is not. */
  knownUpto(from: number): number {
    const range = this.ranges.find((candidate) => candidate.from <= from && from <= candidate.to);
    return range ? range.to : from - 1;
  }

  has(from: number, to: number): boolean {
    return this.knownUpto(from) >= to;
  }

  get list(): readonly SeqRange[] {
    return this.ranges;
  }
}
