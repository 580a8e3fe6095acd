/** Which artifact a file of a stack is: by its debug id, else by release and path. Answers are remembered for a moment. */

import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import { fileNameOf, partsOf } from "./artifact.ts";
import { findByDebugId, findByName, hasMaps, type Candidate } from "./artifact-queries.ts";
import type { Build } from "./sourcemaps.ts";

/** An artifact with a map, or why there is none. */
export type Found = { artifactId: number; bundleId: number } | { fault: string };

/** A file as a stack names it. */
export interface WantedFile {
  file: string;
  debugId: string | null;
}

/** What the mapping asks. */
export interface Finder {
  find(projectId: number, build: Build, wanted: WantedFile): Promise<Found>;
  /** Forgets all answers: something was uploaded or removed. */
  forget(): void;
}

/** For so long another process may not know of an upload or removal of this one; {@link file://./late-maps.ts} waits longer. */
export const REMEMBERED_MS = 10_000;
const MAX_REMEMBERED = 5_000;
const MAX_FILE_CHARS = 1_000;

/** Builds it. */
export function createFinder({ db, clock }: { db: Database; clock: Clock }): Finder {
  const answers = new Map<string, { until: number; answer: Promise<Found> }>();
  const projects = new Map<number, { until: number; answer: Promise<boolean> }>();

  function remembered<K, T>(known: Map<K, { until: number; answer: Promise<T> }>, key: K, ask: () => Promise<T>): Promise<T> {
    const old = known.get(key);
    if (old && old.until > clock.now()) return old.answer;
    if (known.size >= MAX_REMEMBERED) known.clear();
    const answer = ask();
    const entry = { until: clock.now() + REMEMBERED_MS, answer };
    known.set(key, entry);
    answer.catch(() => {
      if (known.get(key) === entry) known.delete(key);
    });
    return answer;
  }

  return {
    async find(projectId, { release, dist }, { file, debugId }) {
      if (!(await remembered(projects, projectId, () => hasMaps(db, projectId))))
        return { fault: "the project has no source maps" };
      const key = JSON.stringify([projectId, release, dist, debugId, file.slice(0, MAX_FILE_CHARS)]);
      return remembered(answers, key, () => look(db, projectId, { release, dist }, { file, debugId }));
    },
    forget() {
      answers.clear();
      projects.clear();
    },
  };
}

async function look(db: Database, projectId: number, { release, dist }: Build, { file, debugId }: WantedFile): Promise<Found> {
  const byId = debugId === null ? null : await findByDebugId(db, projectId, debugId);
  if (byId?.hasMap) return keyOf(byId);
  if (release === "") {
    if (byId) return { fault: byId.fault ?? "its source map was not uploaded" };
    return { fault: debugId === null ? "the error names neither a release nor a debug id" : "no upload has this debug id" };
  }
  const all = await findByName(db, projectId, release, fileNameOf(file));
  const best = choose(all, dist, file);
  if (best === "several") return { fault: "several files of the release fit this path" };
  if (best?.hasMap) return keyOf(best);
  const fault = best?.fault ?? byId?.fault ?? null;
  if (fault !== null) return { fault };
  return {
    fault:
      debugId === null ? "no upload of the release has this path" : "no upload has this debug id, or this path in the release",
  };
}

/**
 * The artifact that a path means: the same path, else the one of which the longest end is the same, where all of the shorter path is in it.
 * A folder that was uploaded need not know under which path it is served.
 */
export function choose(all: readonly Candidate[], dist: string, file: string): Candidate | "several" | null {
  const wanted = partsOf(file);
  const fitting = all.flatMap((candidate) => {
    const parts = partsOf(candidate.url);
    const common = commonEnd(wanted, parts);
    const isOther = candidate.dist !== "" && candidate.dist !== dist;
    if (isOther || common < Math.min(wanted.length, parts.length)) return [];
    // The very same path first, then the longest end; the error's own dist before none, a map before none.
    const length = wanted.length === parts.length ? Infinity : common;
    return [{ candidate, path: parts.join("/"), rank: [length, candidate.dist === dist ? 1 : 0, candidate.hasMap ? 1 : 0] }];
  });
  // They come newest first, and of the same path that one counts.
  const [best, ...others] = fitting.sort((a, b) => compare(b.rank, a.rank));
  if (!best) return null;
  const isTie = others.some(({ rank, path }) => compare(rank, best.rank) === 0 && path !== best.path);
  return isTie ? "several" : best.candidate;
}

function keyOf({ artifactId, bundleId }: Candidate): Found {
  return { artifactId, bundleId };
}

function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((value, i) => value !== other[i]);
  return at < 0 ? 0 : (one[at] ?? 0) > (other[at] ?? 0) ? 1 : -1;
}

function commonEnd(one: readonly string[], other: readonly string[]): number {
  let length = 0;
  while (length < one.length && length < other.length && one.at(-1 - length) === other.at(-1 - length)) length++;
  return length;
}
