/**
 * Reads an upload: an artifact bundle of `sentry-cli` (a zip with a manifest), a zip of a build's folder, or one map. Runs in a worker
 * thread; everything in it is a stranger's.
 */

import { deflateRawSync } from "node:zlib";
import { readDebugId, type ReadUpload, type Script, type UploadFacts } from "./artifact.ts";
import { readManifest, type ManifestFile } from "./manifest.ts";
import { listZip, unpackEntry, ZipFault } from "./zip.ts";

const MIB = 1024 * 1024;
const MAX_ENTRIES = 20_000;
const MAX_FILE_BYTES = 64 * MIB;
const MAX_TOTAL_BYTES = 1_024 * MIB;
/** Deflate packs no better (RFC 1951): what is shorter cannot come to more than its share. */
const MAX_RATIO = 1_032;
const MAX_NOTES = 20;
/** A comment at the end of a script is looked for in this many of its last characters; inline maps in all of it. */
const TAIL_CHARS = 2_048;
const INLINE = /^data:application\/json[^,]{0,60};base64,/;

/** A file of an upload. Its bytes are not kept: many large ones would be too much at once. */
interface LooseFile {
  url: string;
  kind: "script" | "map" | "no map";
  size: number;
  packed: Uint8Array;
  debugId: string | null;
  /** Where the manifest, or the file itself, says that its map is. */
  mapUrl: string | null;
}

/**
 * Reads it.
 * @throws ZipFault for what cannot be read at all; what is wrong with one file is a note or the fault of its script
 */
export function readUpload(bytes: Uint8Array, facts: UploadFacts): ReadUpload {
  const notes: string[] = [];
  const note = (text: string) => {
    if (notes.length < MAX_NOTES) notes.push(text.slice(0, 300));
  };
  if (isZip(bytes)) {
    const entries = listZip(bytes, MAX_ENTRIES);
    const manifest = readManifest(entries);
    const files: LooseFile[] = [];
    let left = MAX_TOTAL_BYTES;
    for (const entry of entries) {
      const told = manifest ? manifest.files.get(entry.name) : kindByName(entry.name);
      if (!told) continue;
      if (left <= 0) throw new ZipFault(`the zip holds more than ${MAX_TOTAL_BYTES / MIB} MB`);
      try {
        const content = unpackEntry(entry, Math.min(MAX_FILE_BYTES, left));
        left -= content.length;
        files.push(looseFile(told, content, entry.method === 8 ? entry.packed : null));
      } catch (error) {
        if (!(error instanceof ZipFault)) throw error;
        // One that is too large took as much time as it might have had bytes.
        if (entry.packed.length > MAX_FILE_BYTES / MAX_RATIO) left -= MAX_FILE_BYTES;
        note(`${told.url}: ${error.message}`);
      }
    }
    return {
      release: facts.release === "" ? (manifest?.release ?? "") : facts.release,
      dist: facts.dist === "" ? (manifest?.dist ?? "") : facts.dist,
      scripts: pair(files, note),
      notes,
    };
  }
  const map = looseFile(
    { url: `${facts.url === "" ? "~/script.js" : facts.url}.map`, kind: "map", headers: new Map() },
    bytes,
    null,
  );
  const scripts = pair([{ ...map, debugId: facts.debugId ?? map.debugId }], note);
  return { release: facts.release, dist: facts.dist, scripts, notes };
}

function isZip(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, 4)).toString("latin1");
  return start === "SYSB" || start.startsWith("PK");
}

/** What a file of a plain zip is: its name says it. */
function kindByName(name: string): ManifestFile | undefined {
  const url = `~/${name.replace(/^[./]+/, "")}`;
  const headers = new Map<string, string>();
  if (/\.map$/i.test(name)) return { url, kind: "map", headers };
  return /\.(?:[cm]?js|jsbundle|bundle)$/i.test(name) ? { url, kind: "script", headers } : undefined;
}

function looseFile({ url, kind, headers }: ManifestFile, bytes: Uint8Array, packed: Uint8Array | null): LooseFile {
  const file = { url, size: bytes.length, packed: packed ? packed.slice() : deflateRawSync(bytes) };
  const told = readDebugId(headers.get("debug-id"));
  if (kind === "map") {
    const map = parseMap(bytes);
    return { ...file, kind: map ? "map" : "no map", debugId: told ?? debugIdOfMap(map), mapUrl: null };
  }
  const tail = Buffer.from(bytes.subarray(Math.max(0, bytes.length - TAIL_CHARS))).toString("utf8");
  const debugId = told ?? readDebugId(lastMatch(tail, /\/\/[#@]\s?debugId=([0-9a-fA-F-]{32,36})/g) ?? undefined);
  return { ...file, kind, debugId, mapUrl: headers.get("sourcemap") ?? mapUrlOf(bytes, tail) };
}

/** The address in the last `sourceMappingURL` comment. */
function mapUrlOf(bytes: Uint8Array, tail: string): string | null {
  const near = lastMatch(tail, /\/\/[#@]\s?sourceMappingURL=(\S{1,2000})/g);
  if (near !== null) return near;
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = content.lastIndexOf("sourceMappingURL=data:");
  return at < 0 ? null : (/^\S*/.exec(content.subarray(at + "sourceMappingURL=".length).toString("latin1"))?.[0] ?? null);
}

function lastMatch(text: string, pattern: RegExp): string | null {
  return [...text.matchAll(pattern)].at(-1)?.[1] ?? null;
}

function debugIdOfMap(map: object | null): string | null {
  if (map === null) return null;
  const id = "debugId" in map ? map.debugId : "debug_id" in map ? map.debug_id : undefined;
  return typeof id === "string" ? readDebugId(id) : null;
}

/** The object that a map is; null for anything else. */
function parseMap(bytes: Uint8Array): object | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/^\)\]\}'[^\n]*\n/, "");
    const value: unknown = JSON.parse(text);
    const isMap = typeof value === "object" && value !== null && ("mappings" in value || "sections" in value);
    return isMap ? value : null;
  } catch {
    return null;
  }
}

/** Gives each script its map; a map without a script stands for the script that it is named after. */
function pair(files: readonly LooseFile[], note: (text: string) => void): Script[] {
  const maps = new Map<string, LooseFile>();
  for (const file of files) {
    if (file.kind === "no map") note(`${file.url}: this is no source map`);
    if (file.kind === "map") maps.set(file.url, file);
  }
  const byDebugId = new Map([...maps.values()].flatMap((map) => (map.debugId === null ? [] : [[map.debugId, map] as const])));
  const used = new Set<LooseFile>();
  const scripts: Script[] = [];
  for (const file of files) {
    if (file.kind !== "script") continue;
    const map = inlineMap(file) ?? findMap(file, maps, byDebugId);
    if (map) used.add(map);
    scripts.push({
      url: file.url,
      debugId: file.debugId ?? map?.debugId ?? null,
      source: file.packed,
      sourceBytes: file.size,
      map: map?.packed ?? null,
      mapBytes: map?.size ?? 0,
      fault: map ? null : faultOf(file),
    });
  }
  for (const map of maps.values()) {
    if (used.has(map)) continue;
    const { debugId, packed, size } = map;
    const url = map.url.replace(/\.map$/i, "");
    scripts.push({ url, debugId, source: null, sourceBytes: 0, map: packed, mapBytes: size, fault: null });
  }
  return scripts;
}

function faultOf({ mapUrl }: LooseFile): string {
  if (mapUrl === null) return "the script names no source map";
  return mapUrl.startsWith("data:") ? "its inline source map cannot be read" : "its source map was not uploaded";
}

function inlineMap(file: LooseFile): LooseFile | null {
  const start = INLINE.exec(file.mapUrl?.slice(0, 200) ?? "")?.[0];
  if (start === undefined || file.mapUrl === null) return null;
  const bytes = Buffer.from(file.mapUrl.slice(start.length), "base64");
  const map = bytes.length > MAX_FILE_BYTES ? null : parseMap(bytes);
  if (map === null) return null;
  return { ...file, kind: "map", size: bytes.length, packed: deflateRawSync(bytes), debugId: debugIdOfMap(map), mapUrl: null };
}

function findMap(
  script: LooseFile,
  maps: ReadonlyMap<string, LooseFile>,
  byDebugId: ReadonlyMap<string, LooseFile>,
): LooseFile | null {
  const named = script.mapUrl === null ? undefined : maps.get(resolveUrl(script.url, script.mapUrl));
  const same = script.debugId === null ? undefined : byDebugId.get(script.debugId);
  const found = named ?? same ?? maps.get(`${script.url}.map`);
  if (found) return found;
  // The comment may name an address that the files are not under here; the name alone decides where there is only one.
  const name =
    script.mapUrl
      ?.replace(/[?#].*$/s, "")
      .split("/")
      .at(-1) ?? "";
  const alike = name === "" ? [] : [...maps.values()].filter(({ url }) => url.endsWith(`/${name}`));
  return alike.length === 1 ? (alike[0] ?? null) : null;
}

/** An address as it is meant in a script of this address; `~` stands for any origin. */
function resolveUrl(script: string, mapUrl: string): string {
  const home = "https://any-origin.invalid/";
  const from = script.startsWith("~/") ? home + script.slice(2) : script;
  if (!URL.canParse(mapUrl, from)) return mapUrl;
  const { href } = new URL(mapUrl, from);
  const url = href.startsWith(home) ? `~/${href.slice(home.length)}` : href;
  try {
    return decodeURI(url);
  } catch {
    return url;
  }
}
