/**
 * Counts, written behind: what became of items, how sessions of SDKs went, and when who sent. A count is one entry in memory; what is in
 * memory when the process is killed is lost, and it is counts alone.
 */

import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import type { Logger } from "../log.ts";
import { saveItemCounts, saveReleaseCounts, saveSources } from "./tally-queries.ts";

const SAVE_MS = 1_000;
const HOUR_MS = 3_600_000;
/** Names of releases and environments a project may bring in one hour; the sessions of further ones are counted without a name. */
const MAX_RELEASES = 200;

/** What became of an item. `client_dropped`: the SDK never sent it. */
export type Outcome = "accepted" | "not_kept" | "limited" | "malformed" | "too_large" | "unknown_key" | "client_dropped";

/** One cell of the counts of items. */
export interface ItemCount {
  projectId: number;
  hour: number;
  category: string;
  outcome: Outcome;
  /** Why, as the client says; empty for what happened here. */
  reason: string;
  count: number;
}

/** How sessions went that an SDK tells of. */
export interface SessionCounts {
  sessions: number;
  errored: number;
  crashed: number;
  abnormal: number;
}

/** One cell of the counts of sessions. */
export interface ReleaseCount extends SessionCounts {
  projectId: number;
  hour: number;
  release: string;
  environment: string;
}

/** When a project had something, and from whom. */
export interface Source {
  projectId: number;
  firstAt: number;
  lastAt: number;
  sdk: { name: string; version: string } | null;
}

/** Counts. */
export interface Tallies {
  count(projectId: number, category: string, outcome: Outcome, count?: number, reason?: string): void;
  countSessions(projectId: number, release: string, environment: string, counts: SessionCounts): void;
  noteSource(projectId: number, sdk: Source["sdk"]): void;
  /** Writes what is there now. */
  save(): Promise<void>;
  start(): void;
  /** Writes what is left. */
  stop(): Promise<void>;
}

/** Builds it; `start` begins to write each {@link SAVE_MS}. */
export function createTallies({ db, clock, log }: { db: Database; clock: Clock; log: Logger }): Tallies {
  let items = new Map<string, ItemCount>();
  let releases = new Map<string, ReleaseCount>();
  let sources = new Map<number, Source>();
  /** Names that each project has brought in the hour of `namesOf`. */
  let names = new Map<number, Set<string>>();
  let namesOf = 0;
  let saving = Promise.resolve();
  let stopTimer: (() => void) | null = null;
  const hourNow = () => clock.now() - (clock.now() % HOUR_MS);

  function nameFor(projectId: number, hour: number, name: string): boolean {
    if (hour !== namesOf) names = new Map();
    namesOf = hour;
    const known = names.get(projectId) ?? new Set<string>();
    names.set(projectId, known);
    if (known.has(name)) return true;
    if (known.size >= MAX_RELEASES) return false;
    known.add(name);
    return true;
  }

  async function save(): Promise<void> {
    if (items.size + releases.size + sources.size === 0) return;
    const taken = { items, releases, sources };
    items = new Map();
    releases = new Map();
    sources = new Map();
    try {
      await db.transaction(async (tx) => {
        await saveItemCounts(tx, [...taken.items.values()]);
        await saveReleaseCounts(tx, [...taken.releases.values()]);
        await saveSources(tx, [...taken.sources.values()]);
      });
    } catch (error) {
      for (const one of taken.items.values()) addItem(one);
      for (const one of taken.releases.values()) addRelease(one);
      for (const one of taken.sources.values()) addSource(one);
      log.debug("counts of items could not be saved yet", { error: error instanceof Error ? error.message : String(error) });
    }
  }

  function addItem(more: ItemCount): void {
    const key = `${more.projectId}\n${more.hour}\n${more.category}\n${more.outcome}\n${more.reason}`;
    const one = items.get(key);
    if (one) one.count += more.count;
    else items.set(key, more);
  }

  function addRelease(more: ReleaseCount): void {
    const key = JSON.stringify([more.projectId, more.hour, more.release, more.environment]);
    const one = releases.get(key);
    if (!one) releases.set(key, more);
    else {
      one.sessions += more.sessions;
      one.errored += more.errored;
      one.crashed += more.crashed;
      one.abnormal += more.abnormal;
    }
  }

  function addSource(more: Source): void {
    const one = sources.get(more.projectId);
    if (!one) sources.set(more.projectId, more);
    else {
      one.sdk = (more.lastAt >= one.lastAt ? more.sdk : null) ?? one.sdk ?? more.sdk;
      one.firstAt = Math.min(one.firstAt, more.firstAt);
      one.lastAt = Math.max(one.lastAt, more.lastAt);
    }
  }

  const saveInTurn = () => (saving = saving.then(save));

  return {
    count(projectId, category, outcome, count = 1, reason = "") {
      addItem({ projectId, hour: hourNow(), category, outcome, reason, count });
    },
    countSessions(projectId, release, environment, counts) {
      const hour = hourNow();
      const isNamed = nameFor(projectId, hour, JSON.stringify([release, environment]));
      addRelease({ projectId, hour, release: isNamed ? release : "", environment: isNamed ? environment : "", ...counts });
    },
    noteSource(projectId, sdk) {
      const at = clock.now();
      addSource({ projectId, firstAt: at, lastAt: at, sdk });
    },
    save: saveInTurn,
    start() {
      stopTimer ??= clock.every(SAVE_MS, () => void saveInTurn());
    },
    async stop() {
      stopTimer?.();
      stopTimer = null;
      await saveInTurn();
    },
  };
}
