/** Maps the frames of a stack: finds the artifact of each, asks the threads for the places, and puts them in. */

import type { Frame } from "../../protocol/occurrence.ts";
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
export function createMapper({ db, finder, threads }: MapperDeps): Mapper {
  const places = new Map<string, FoundPlace | string>();

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

  /** Asks the thread of an artifact for all places of a stack that are in it. */
  async function findAll(artifactId: number, all: readonly Located[]): Promise<void> {
    const unknown = all.filter(({ place }) => !places.has(keyOf(artifactId, place)));
    if (unknown.length === 0) return;
    const wanted = unknown.map(({ place }) => place);
    let result: TaskResult = await threads.perform({ kind: "map", artifactId, places: wanted, bodies: null });
    if (result.kind === "absent") {
      const bodies = await readBodies(db, artifactId);
      if (bodies) result = await threads.perform({ kind: "map", artifactId, places: wanted, bodies });
    }
    for (const [i, place] of wanted.entries()) remember(keyOf(artifactId, place), foundAt(result, i));
  }

  function remember(key: string, found: FoundPlace | string): void {
    if (places.size >= MAX_PLACES) {
      const [oldest] = places.keys();
      if (oldest !== undefined) places.delete(oldest);
    }
    places.set(key, found);
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
        await findAll(artifactId, all);
        for (const { frame, place } of all) {
          found.set(frame, places.get(keyOf(artifactId, place)) ?? "too much is mapped at once");
        }
        const [first] = all;
        if (first) void touchBundle(db, first.artifact.bundleId).catch(() => undefined);
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
