/** Maps the frames of a stack: finds the artifact of each, asks the threads for the places, and puts them in. */

import type { Frame } from "../../protocol/occurrence.ts";
import type { Clock } from "../clock.ts";
import type { Database } from "../db/db.ts";
import { readBodies, touchBundle } from "./artifact-queries.ts";
import { readDebugId } from "./artifact.ts";
import type { Finder } from "./finder.ts";
import type { FoundPlace, WantedPlace } from "./opened-map.ts";
import type { Build } from "./sourcemaps.ts";
import type { Threads } from "./threads.ts";
import type { TaskResult } from "./worker-tasks.ts";

/** What it is built from. */
export interface MapperDeps {
  db: Database;
  clock: Clock;
  finder: Finder;
  threads: Threads;
}

export interface Mapper {
  map(projectId: number, build: Build, frames: readonly Frame[]): Promise<Frame[]>;
  /** Forgets places that were found: their artifacts are gone. */
  forget(): void;
}

/** Files of one stack that are looked for. */
const MAX_FILES = 40;
/** Places that are remembered: the same error comes again and again. Each takes about 2 KB. */
const MAX_PLACES = 4_000;
const TOUCH_MS = 10 * 60_000;
/** Longer names of minified functions are nobody's. */
const MAX_MINIFIED = 2;
const SCRIPT = /\.(?:[cm]?js|jsbundle|bundle)(?:[?#].*)?$/is;

/** A frame and where it is. */
interface Located {
  frame: Frame;
  place: WantedPlace;
  artifact: { artifactId: number; bundleId: number };
}

/** Builds it. */
export function createMapper({ db, clock, finder, threads }: MapperDeps): Mapper {
  const places = new Map<string, Promise<FoundPlace | string>>();
  const touched = new Map<number, number>();

  async function locate(projectId: number, build: Build, frames: readonly Frame[]): Promise<Map<Frame, Located | string>> {
    const located = new Map<Frame, Located | string>();
    const files = new Set<string>();
    for (const frame of frames) {
      const place = placeOf(frame);
      if (!place) continue;
      const debugId = readDebugId(frame.debugId);
      const { file } = frame;
      files.add(`${debugId ?? ""} ${file}`);
      if (files.size > MAX_FILES) break;
      const found = await finder.find(projectId, build, { file, debugId });
      located.set(frame, "fault" in found ? found.fault : { frame, place, artifact: found });
    }
    return located;
  }

  /** Asks the thread of an artifact for all places of a stack that are in it, and were not asked for yet. */
  function findAll(artifactId: number, all: readonly Located[]): void {
    const unknown = all.map(({ place }) => place).filter((place) => !places.has(keyOf(artifactId, place)));
    if (unknown.length === 0) return;
    const asked = ask(artifactId, unknown);
    for (const [i, place] of unknown.entries()) {
      const found = asked.then((result) => foundAt(result, i));
      remember(keyOf(artifactId, place), found);
    }
  }

  async function ask(artifactId: number, wanted: readonly WantedPlace[]): Promise<TaskResult> {
    const result = await threads.perform({ kind: "map", artifactId, places: wanted, bodies: null });
    if (result.kind !== "absent") return result;
    const bodies = await readBodies(db, artifactId);
    return bodies ? threads.perform({ kind: "map", artifactId, places: wanted, bodies }) : result;
  }

  function remember(key: string, found: Promise<FoundPlace | string>): void {
    if (places.size >= MAX_PLACES) {
      const [oldest] = places.keys();
      if (oldest !== undefined) places.delete(oldest);
    }
    places.set(key, found);
    found.catch(() => {
      if (places.get(key) === found) places.delete(key);
    });
  }

  /** Says that an upload is in use, now and then. */
  function touch(bundleId: number): void {
    const now = clock.now();
    if (now - (touched.get(bundleId) ?? 0) < TOUCH_MS) return;
    if (touched.size >= MAX_PLACES) touched.clear();
    touched.set(bundleId, now);
    touchBundle(db, bundleId).catch(() => touched.delete(bundleId));
  }

  return {
    async map(projectId, build, frames) {
      const located = await locate(projectId, build, frames);
      const byArtifact = new Map<number, Located[]>();
      for (const one of located.values()) {
        if (typeof one === "string") continue;
        const { artifactId } = one.artifact;
        byArtifact.set(artifactId, [...(byArtifact.get(artifactId) ?? []), one]);
      }
      const found = new Map<Frame, FoundPlace | string>();
      for (const [frame, one] of located) if (typeof one === "string") found.set(frame, one);
      for (const [artifactId, all] of byArtifact) {
        findAll(artifactId, all);
        const answers = all.map(({ place }) => places.get(keyOf(artifactId, place)));
        for (const [i, { frame, artifact }] of all.entries()) {
          found.set(frame, (await answers[i]) ?? "too much is mapped at once");
          touch(artifact.bundleId);
        }
      }
      return frames.map((frame, i) => moved(frame, found.get(frame), found.get(frames[i + 1] ?? frame)));
    },
    forget: () => {
      places.clear();
    },
  };
}

function keyOf(artifactId: number, { line, column, function: name }: WantedPlace): string {
  return `${artifactId} ${line} ${column} ${name.slice(0, 200)}`;
}

/** The place of a frame that a map is looked for; null for one of another language, without a place, or moved already. */
function placeOf({ file, line, column, function: name, raw, debugId }: Frame): WantedPlace | null {
  if (raw || line === null || column === null || line < 1 || column < 1) return null;
  if (!Number.isSafeInteger(line) || !Number.isSafeInteger(column)) return null;
  if (debugId === undefined && !SCRIPT.test(file)) return null;
  return { line, column, function: name.slice(0, 500) };
}

function foundAt(result: TaskResult, i: number): FoundPlace | string {
  switch (result.kind) {
    case "mapped":
      return result.places[i] ?? "the source map says nothing about this place";
    case "absent":
      return "its source map was removed";
    case "bad_map":
      return "its source map cannot be read";
    default:
      return "its source map is too large, or took too long";
  }
}

/** A frame where its map says it was. */
function moved(frame: Frame, found: FoundPlace | string | undefined, caller: FoundPlace | string | undefined): Frame {
  if (found === undefined) return frame;
  if (typeof found === "string") return { ...frame, mapFault: found };
  const { inApp, token: _token, isNamed, function: name, ...place } = found;
  const { file, function: reported, line, column, module, context, mapFault: _fault, ...rest } = frame;
  const called = typeof caller === "object" && caller !== found ? caller.token : "";
  const guessed = !isNamed && called !== "" && reported !== "" && reported.length <= MAX_MINIFIED ? called : name;
  return {
    ...rest,
    ...place,
    function: guessed,
    inApp: frame.inApp && inApp,
    raw: { file, function: reported, line, column, ...(module === undefined ? {} : { module }), ...(context ? { context } : {}) },
  };
}
