/** A source map that was read and is asked for places. */

import { inflateRawSync } from "node:zlib";
import { FlattenMap, isIgnored, originalPositionFor, sourceContentFor, type TraceMap } from "@jridgewell/trace-mapping";
import type { CodePlace, SourceContext } from "../../protocol/occurrence.ts";
import { enclosingName } from "./enclosing.ts";
import { originalName } from "./original-name.ts";

/** A place in a script as a stack tells it; both from 1. */
export interface WantedPlace {
  line: number;
  column: number;
  function: string;
}

/** Where that is in the original source. */
export interface FoundPlace extends CodePlace {
  /** False for libraries. */
  inApp: boolean;
  /** Name of what is used at that place: where it is a call, of what is called. */
  token: string;
  /** True where the function's own name was found. */
  isNamed: boolean;
}

/** What engines call a function without a name. */
const ANONYMOUS = /^(?:\?|<?anonymous>?|<unknown>|[^ ]{0,200}\.<anonymous>|[^ ]{0,200}\/<)?$/i;
const MAX_BYTES = 64 * 1024 * 1024;
const CONTEXT_LINES = 5;
/** A longer line is cut, unless the place is behind that. */
const MAX_LINE_CHARS = 400;
/** Decoded mappings and their strings take about this many times the bytes of the file. */
const MEMORY_FACTOR = 7;

/** A map in memory. */
export interface OpenedMap {
  /** About what it takes. */
  bytes: number;
  find(place: WantedPlace): FoundPlace | null;
}

/**
 * Reads a map and its script, both deflated.
 * @throws Error for what is none
 */
export function openMap(packedMap: Uint8Array, packedSource: Uint8Array | null): OpenedMap {
  const text = inflateRawSync(packedMap, { maxOutputLength: MAX_BYTES }).toString("utf8");
  const map = new FlattenMap(text.replace(/^\)\]\}'[^\n]*\n/, ""));
  const source = packedSource ? inflateRawSync(packedSource, { maxOutputLength: MAX_BYTES }).toString("utf8") : "";
  const scriptLines = source.split(/\r\n|[\n\r\u2028\u2029]/);
  const linesBySource = new Map<string, readonly string[]>();

  const linesOf = (name: string): readonly string[] => {
    const known = linesBySource.get(name);
    if (known) return known;
    const lines = (sourceContentFor(map, name) ?? "").split(/\r\n|[\n\r\u2028\u2029]/);
    linesBySource.set(name, lines);
    return lines;
  };

  return {
    bytes: text.length * MEMORY_FACTOR + source.length * 2,
    find({ line, column, function: reported }) {
      const found = originalPositionFor(map, { line, column: column - 1 });
      if (found.source === null) return null;
      const file = cleanSource(found.source);
      if (file === "") return null;
      const at = { line: line - 1, column: column - 1 };
      const declared = originalName(map, scriptLines, at, reported);
      const isAnonymous = declared === null && ANONYMOUS.test(reported);
      const name = isAnonymous ? enclosingName(map, scriptLines[at.line] ?? "", at, linesOf) : declared;
      const context = contextOf(linesOf(found.source), found.line, found.column);
      return {
        file,
        function: isAnonymous && name === "" ? reported : (name ?? reported),
        line: found.line,
        column: found.column + 1,
        ...(context ? { context } : {}),
        inApp: !isLibrary(file) && !isIgnoredSource(map, found.source),
        token: found.name ?? "",
        isNamed: name !== null,
      };
    },
  };
}

/** The path of a source as people know it: without the bundler's scheme and without what leads out of the folder of the build. */
export function cleanSource(source: string): string {
  return source
    .replace(/^[a-z][a-z0-9+.-]{0,30}:\/\/[^/]{0,300}\//i, "")
    .replace(/\?.*$/s, "")
    .replace(/^(?:\.{0,2}\/)*\.{1,2}\//, "")
    .replaceAll(/(?<=\/)\.\//g, "")
    .slice(0, 1_000);
}

function isLibrary(file: string): boolean {
  return /(?:^|\/)(?:node_modules|bower_components)\/|^(?:webpack\/|\(webpack\)|vite\/|external )|\0/.test(file);
}

function isIgnoredSource(map: TraceMap, source: string): boolean {
  return map.ignoreList !== undefined && isIgnored(map, source);
}

/** The lines around a place; undefined where the map has no source, or the place is too far in to be shown. */
function contextOf(lines: readonly string[], line: number, column: number): SourceContext | undefined {
  const own = lines[line - 1];
  if (own === undefined || (lines.length === 1 && own === "") || column > MAX_LINE_CHARS) return undefined;
  const cut = (text: string) => text.slice(0, MAX_LINE_CHARS).toWellFormed().replaceAll("\0", "\ufffd");
  return {
    before: lines.slice(Math.max(0, line - 1 - CONTEXT_LINES), line - 1).map(cut),
    line: cut(own),
    after: lines.slice(line, line + CONTEXT_LINES).map(cut),
  };
}
