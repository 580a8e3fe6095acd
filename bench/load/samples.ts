/** Percentiles over all samples of a round: kept whole, sorted once. */

/** Latencies of one round, in milliseconds. */
export class Samples {
  private values = new Float64Array(65_536);
  private count = 0;

  add(value: number): void {
    if (this.count === this.values.length) {
      const grown = new Float64Array(this.values.length * 2);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.count++] = value;
  }

  get size(): number {
    return this.count;
  }

  /** Values at the given fractions (0 to 1), NaN where there is no sample. */
  percentiles<const F extends readonly number[]>(fractions: F): { [K in keyof F]: number } {
    const sorted = this.values.slice(0, this.count).sort();
    const found = fractions.map((f) => sorted[Math.min(this.count - 1, Math.floor(f * this.count))] ?? Number.NaN);
    // `map` over a tuple keeps its length, which its type does not say.
    return found as { [K in keyof F]: number };
  }
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
