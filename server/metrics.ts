/**
 * Counters, gauges and histograms, and their text form for Prometheus (exposition format 0.0.4).
 * A counter is an object with a plain number: the hot path adds to it and pays nothing else.
 */

/** Add to `value` and to nothing else. */
export interface Counter {
  value: number;
}

/** Distribution of a quantity over fixed buckets. */
export interface Histogram {
  observe(value: number): void;
}

export interface Metrics {
  /** @param name Prometheus name without prefix, e.g. `frames_total` */
  counter(name: string, help: string): Counter;
  /** A value that is read when somebody asks. */
  gauge(name: string, help: string, read: () => number): void;
  /** @param bounds upper bounds of the buckets, ascending; one for everything above is added */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram;
  /** Every metric by its name; histograms as count and mean. */
  snapshot(): Record<string, number>;
  /** The Prometheus text. */
  render(): string;
}

/** Seconds, from a tenth of a millisecond to ten seconds. */
export const LATENCY_BOUNDS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

const PREFIX = "watchback_";

interface Entry {
  name: string;
  help: string;
  type: "counter" | "gauge" | "histogram";
  samples(): [suffix: string, value: number][];
  summary(): Record<string, number>;
}

class Buckets implements Histogram {
  readonly bounds: readonly number[];
  readonly counts: number[];
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.count++;
    this.sum += value;
    for (let i = 0; i < this.bounds.length; i++) {
      if (value <= (this.bounds[i] ?? 0)) {
        this.counts[i] = (this.counts[i] ?? 0) + 1;
        return;
      }
    }
  }

  samples(): [string, number][] {
    let below = 0;
    const samples = this.bounds.map((bound, i): [string, number] => {
      below += this.counts[i] ?? 0;
      return [`_bucket{le="${bound}"}`, below];
    });
    samples.push(['_bucket{le="+Inf"}', this.count], ["_sum", this.sum], ["_count", this.count]);
    return samples;
  }
}

/** An empty registry. A name may be given once. */
export function createMetrics(): Metrics {
  const entries = new Map<string, Entry>();
  const add = (entry: Entry) => {
    if (entries.has(entry.name)) throw new Error(`metric ${entry.name} is there already`);
    entries.set(entry.name, entry);
  };
  return {
    counter(name, help) {
      const counter: Counter = { value: 0 };
      add({
        name,
        help,
        type: "counter",
        samples: () => [["", counter.value]],
        summary: () => ({ [name]: counter.value }),
      });
      return counter;
    },
    gauge(name, help, read) {
      add({ name, help, type: "gauge", samples: () => [["", read()]], summary: () => ({ [name]: read() }) });
    },
    histogram(name, help, bounds) {
      const buckets = new Buckets(bounds);
      add({
        name,
        help,
        type: "histogram",
        samples: () => buckets.samples(),
        summary: () => ({
          [`${name}_count`]: buckets.count,
          [`${name}_mean`]: buckets.count === 0 ? 0 : buckets.sum / buckets.count,
        }),
      });
      return buckets;
    },
    snapshot() {
      const all: Record<string, number> = {};
      for (const entry of entries.values()) Object.assign(all, entry.summary());
      return all;
    },
    render() {
      let text = "";
      for (const entry of entries.values()) {
        const { name, help, type } = entry;
        text += `# HELP ${PREFIX}${name} ${help}\n# TYPE ${PREFIX}${name} ${type}\n`;
        for (const [suffix, value] of entry.samples()) text += `${PREFIX}${name}${suffix} ${value}\n`;
      }
      return text;
    },
  };
}
