/** The scripts and source maps of a folder, packed for an upload. */

import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { zipSync } from "fflate";

/** A zip of some of a folder's files. */
export interface Batch {
  zip: Uint8Array;
  files: readonly string[];
}

const SCRIPT = /\.(?:[cm]?js|jsbundle|bundle)$/i;
const MAP = /\.map$/i;
const SKIPPED = new Set(["node_modules", ".git"]);
/** So much before it is packed; what a server takes at once is packed. */
const BATCH_BYTES = 32 * 1024 * 1024;
const MAX_SOURCE_BYTES = 4 * 1024 * 1024;

/** Scripts and maps below a folder, as paths with slashes from there. Links are not followed. */
export function findFiles(folder: string): string[] {
  const found: string[] = [];
  const walk = (below: string) => {
    for (const entry of readdirSync(path.join(folder, below), { withFileTypes: true })) {
      const name = path.posix.join(below, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) walk(name);
      else if (entry.isFile() && (SCRIPT.test(entry.name) || MAP.test(entry.name))) found.push(name);
    }
  };
  walk("");
  return found.sort();
}

/**
 * Packs files in zips that a server takes in one request; a script and its map stay together.
 * @param prefix what is put before each path, for a folder that is served below one
 * @param home folder out of which no source is read
 */
export function* packFiles(folder: string, files: readonly string[], prefix: string, home: string): Generator<Batch> {
  let entries: Record<string, Uint8Array> = {};
  let bytes = 0;
  const flush = function* (): Generator<Batch> {
    const names = Object.keys(entries);
    if (names.length > 0) yield { zip: zipSync(entries, { level: 6 }), files: names };
    entries = {};
    bytes = 0;
  };
  for (const unit of together(files)) {
    const contents = unit.map((file) => [path.posix.join(prefix, file), readContent(folder, file, home)] as const);
    const size = contents.reduce((sum, [, content]) => sum + content.length, 0);
    if (bytes + size > BATCH_BYTES) yield* flush();
    for (const [name, content] of contents) entries[name] = content;
    bytes += size;
  }
  yield* flush();
}

/** Each script with the map that is named after it. */
function together(files: readonly string[]): string[][] {
  const units = new Map<string, string[]>();
  for (const file of files) {
    const name = file.replace(MAP, "");
    units.set(name, [...(units.get(name) ?? []), file]);
  }
  return [...units.values()];
}

function readContent(folder: string, file: string, home: string): Uint8Array {
  const full = path.join(folder, file);
  const content = readFileSync(full);
  return MAP.test(file) ? withSources(content, path.dirname(full), home) : content;
}

/** A map with the text of its sources, as far as they are files of this project; else as it is. */
function withSources(content: Uint8Array, folder: string, home: string): Uint8Array {
  let map: unknown;
  try {
    map = JSON.parse(new TextDecoder().decode(content));
  } catch {
    return content;
  }
  if (typeof map !== "object" || map === null || !("sources" in map) || !Array.isArray(map.sources)) return content;
  const given: readonly unknown[] = "sourcesContent" in map && Array.isArray(map.sourcesContent) ? map.sourcesContent : [];
  const root = "sourceRoot" in map && typeof map.sourceRoot === "string" ? map.sourceRoot : "";
  const texts = map.sources.map((source: unknown, i) => {
    const text = given[i];
    if (typeof text === "string" || typeof source !== "string") return text ?? null;
    return readSource(path.resolve(folder, root, source), home);
  });
  if (texts.every((text, i) => text === (given[i] ?? null))) return content;
  return new TextEncoder().encode(JSON.stringify({ ...map, sourcesContent: texts }));
}

function readSource(file: string, home: string): string | null {
  try {
    const real = realpathSync(file);
    if (path.relative(realpathSync(home), real).startsWith("..") || statSync(real).size > MAX_SOURCE_BYTES) return null;
    return readFileSync(real, "utf8");
  } catch {
    return null;
  }
}
