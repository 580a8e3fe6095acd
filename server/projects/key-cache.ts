/**
 * Ingest keys in memory. A key is public and asked for by strangers, so random keys must neither fill the memory nor reach the
 * database one by one: known and unknown keys are kept apart, both bounded, and all keys asked for at a moment share one read.
 */

import { AppError } from "../app-error.ts";
import type { Clock } from "../clock.ts";
import type { Project } from "./projects.ts";

/** What a cached answer may be old; with the read itself it stays below the promised 5 s. */
const FRESH_MS = 4_000;
const MAX_KNOWN = 10_000;
const MAX_UNKNOWN = 10_000;
/** Most keys of one read. */
const MAX_READ = 500;
/** Most keys that wait for a read; past that `find` refuses with `overload`. */
const MAX_WAITING = 5_000;
const KEY = /^[0-9a-f]{32}$/;

/** What the cache is built from. */
export interface KeyCacheDeps {
  clock: Clock;
  /** Projects by key, for those of `keys` that are valid. */
  read(keys: readonly string[]): Promise<ReadonlyMap<string, Project>>;
}

/** Projects by ingest key. */
export interface KeyCache {
  /**
   * The project of a key, or null. While the database is away, a key that was known goes on being known.
   * @throws AppError `store` where the database is away and the key was never seen, `overload` where too many wait already
   */
  find(key: string): Promise<Project | null>;
  /** Everything is read again at its next use. */
  forget(): void;
}

interface Known {
  project: Project;
  readAt: number;
}

interface Waiting {
  answer: Promise<Project | null>;
  resolve(project: Project | null): void;
  reject(error: AppError): void;
}

/** Builds a cache in front of `deps.read`. */
export function createKeyCache(deps: KeyCacheDeps): KeyCache {
  const known = new Map<string, Known>();
  const unknown = new Map<string, number>();
  const waiting = new Map<string, Waiting>();
  let isReading = false;
  /** Raised by `forget`, so that a read that began before it leaves nothing behind as fresh. */
  let age = 0;

  async function readWaiting(): Promise<void> {
    isReading = true;
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, MAX_READ);
      for (const [key] of batch) waiting.delete(key);
      const readAt = deps.clock.now();
      const ageAtStart = age;
      let found: ReadonlyMap<string, Project>;
      try {
        found = await deps.read(batch.map(([key]) => key));
      } catch (error) {
        for (const [key, one] of batch) answerWithoutDatabase(key, one, error);
        continue;
      }
      for (const [key, one] of batch) {
        const project = found.get(key) ?? null;
        keep(key, project, age === ageAtStart ? readAt : -Infinity);
        one.resolve(project);
      }
    }
    isReading = false;
  }

  function answerWithoutDatabase(key: string, one: Waiting, cause: unknown): void {
    const last = known.get(key);
    if (last) one.resolve(last.project);
    else one.reject(new AppError("store", "keys cannot be looked up now", { cause, retryAfterMs: 2_000 }));
  }

  function keep(key: string, project: Project | null, readAt: number): void {
    known.delete(key);
    unknown.delete(key);
    if (project) {
      known.set(key, { project, readAt });
      dropOldest(known, MAX_KNOWN);
    } else {
      unknown.set(key, readAt);
      dropOldest(unknown, MAX_UNKNOWN);
    }
  }

  return {
    async find(key) {
      if (!KEY.test(key)) return null;
      const now = deps.clock.now();
      const entry = known.get(key);
      if (entry && now - entry.readAt < FRESH_MS) return entry.project;
      const unknownAt = unknown.get(key);
      if (unknownAt !== undefined && now - unknownAt < FRESH_MS) return null;
      const already = waiting.get(key);
      if (already) return already.answer;
      if (waiting.size >= MAX_WAITING) throw new AppError("overload", "too many keys to look up", { retryAfterMs: 2_000 });
      const one = createWaiting();
      waiting.set(key, one);
      if (!isReading) void readWaiting();
      return one.answer;
    },
    forget() {
      age++;
      unknown.clear();
      for (const entry of known.values()) entry.readAt = -Infinity;
    },
  };
}

/** Promise.withResolvers, which Node 20 does not have. */
function createWaiting(): Waiting {
  let resolve: Waiting["resolve"] = () => undefined;
  let reject: Waiting["reject"] = () => undefined;
  const answer = new Promise<Project | null>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { answer, resolve, reject };
}

function dropOldest(map: Map<string, unknown>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
}
