/** `manifest.json` of an artifact bundle: which of its files is what. Tools differ in paths and in the case of names. */

import * as v from "valibot";
import { unpackEntry, type ZipEntry, ZipFault } from "./zip.ts";

/** A file as the manifest tells of it. */
export interface ManifestFile {
  url: string;
  kind: "script" | "map";
  /** Lower-case names. */
  headers: ReadonlyMap<string, string>;
}

/** What it says, by the names of the zip's entries; files of other kinds are not in it. */
export interface Manifest {
  release: string;
  dist: string;
  files: ReadonlyMap<string, ManifestFile>;
}

const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;
const MAX_TEXT = 2_048;
const KINDS: ReadonlyMap<string, ManifestFile["kind"]> = new Map([
  ["minified_source", "script"],
  ["source_map", "map"],
]);

const text = v.nullish(v.pipe(v.string(), v.maxLength(MAX_TEXT)), "");
const schema = v.object({
  release: text,
  dist: text,
  files: v.record(v.string(), v.object({ url: text, type: text, headers: v.nullish(v.record(v.string(), v.unknown()), {}) })),
});

/**
 * Reads the manifest of a zip; null where it has none.
 * @throws ZipFault for one that cannot be read
 */
export function readManifest(entries: readonly ZipEntry[]): Manifest | null {
  const entry = entries.find(({ name }) => name === "manifest.json");
  if (!entry) return null;
  const parsed = v.safeParse(schema, parse(unpackEntry(entry, MAX_MANIFEST_BYTES)));
  if (!parsed.success) throw new ZipFault("manifest.json of the bundle is not what it should be");
  const files = new Map<string, ManifestFile>();
  for (const [path, file] of Object.entries(parsed.output.files)) {
    const kind = KINDS.get(file.type);
    if (!kind) continue;
    const headers = Object.entries(file.headers).map(([name, value]) => [name.toLowerCase(), String(value)] as const);
    files.set(path, { url: file.url === "" ? `~/${path}` : file.url, kind, headers: new Map(headers) });
  }
  return { release: parsed.output.release, dist: parsed.output.dist, files };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ZipFault("manifest.json of the bundle is not JSON", { cause: error });
  }
}
