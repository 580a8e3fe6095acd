/** The daily partitions of batches, markers and errors: today's and tomorrow's made ahead, others when a row needs them. */

import type { Queryable } from "../db/db.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { describeFault } from "./faults.ts";

const DAY_MS = 86_400_000;
const LOOK_AHEAD_MS = 10 * 60_000;
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;
/** Number of the advisory lock under which partitions are made ("watchpar" as bytes). */
const LOCK = "8602259476398764402";

/** Rows of a few KB stay in line: reading and writing them takes one table instead of two (measured: +60 % at 2 to 4 KB). */
const PARTITIONED = [
  { table: "session_events", options: " WITH (toast_tuple_target = 8160)" },
  { table: "session_markers", options: "" },
  { table: "session_errors", options: "" },
] as const;

/** The day of a moment, `YYYY-MM-DD` in UTC: the partition of sessions that start then. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

interface PartitionDeps {
  /** Runs its work in one transaction. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  clock: Clock;
  log: Logger;
}

export class Partitions {
  private readonly deps: PartitionDeps;
  private readonly known = new Set<string>();
  private readonly making = new Map<string, Promise<void>>();
  private stopLooking: (() => void) | null = null;

  constructor(deps: PartitionDeps) {
    this.deps = deps;
  }

  /**
   * Makes today's and tomorrow's, and goes on doing so as days come.
   * @throws where Postgres does not let it
   */
  async start(): Promise<void> {
    await this.lookAhead();
    this.stopLooking = this.deps.clock.every(LOOK_AHEAD_MS, () => {
      this.lookAhead().catch((error: unknown) => {
        this.deps.log.warn("partitions of the coming day could not be made yet", describeFault(error));
      });
    });
  }

  stop(): void {
    this.stopLooking?.();
    this.stopLooking = null;
  }

  /** True where the day's partitions were there when last looked at. */
  isKnown(day: string): boolean {
    return this.known.has(day);
  }

  /** Somebody dropped the partitions of a day. */
  forget(day: string): void {
    this.known.delete(day);
  }

  /** Makes the partitions of a day where they are missing; callers of the same day share the work. */
  ensure(day: string): Promise<void> {
    if (this.known.has(day)) return Promise.resolve();
    const making = this.making.get(day) ?? this.make(day).finally(() => this.making.delete(day));
    this.making.set(day, making);
    return making;
  }

  private async lookAhead(): Promise<void> {
    const now = this.deps.clock.now();
    await this.ensure(dayOf(now));
    await this.ensure(dayOf(now + DAY_MS));
  }

  private async make(day: string): Promise<void> {
    if (!DAY.test(day)) throw new RangeError("not a day");
    const next = dayOf(Date.parse(`${day}T00:00:00Z`) + DAY_MS);
    const suffix = day.replaceAll("-", "");
    await this.deps.transaction(async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock(${LOCK})`);
      for (const { table, options } of PARTITIONED) {
        const name = `${table}_${suffix}`;
        const found = await tx.query<{ attached: boolean }>(
          `SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass($1) AND inhparent = $2::regclass) AS attached`,
          [name, table],
        );
        if (found[0]?.attached === true) continue;
        // Made beside and then attached: CREATE TABLE … PARTITION OF would wait for every reader of the parent, and stop new ones.
        await tx.query(`CREATE TABLE ${name} (LIKE ${table} INCLUDING ALL)${options}`);
        await tx.query(`ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM ('${day}') TO ('${next}')`);
      }
    });
    this.known.add(day);
  }
}
