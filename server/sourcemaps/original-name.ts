/**
 * What a function was called before a minifier renamed it. A mapping tells the name of what is at a place, not of the function around it, so
 * the declaration is looked for: backwards from the place of the frame, among the tokens that the map knows, in the script itself.
 */

import { decodedMappings, type SourceMapSegment, type TraceMap } from "@jridgewell/trace-mapping";

/** Most tokens that are looked at for one name. */
const MAX_TOKENS = 20_000;
/** Longest list of parameters that a method is known by. */
const MAX_PARAMETERS = 400;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]{0,200}$/u;
const NAME_CHAR = /[\p{ID_Continue}$]/u;

/** A place in a script; both from 0. */
export interface ScriptPlace {
  line: number;
  column: number;
}

/**
 * The original of a function's name as a stack tells it (`t`, `e.total`, `async o`, `new c`, `r.<anonymous>`).
 * @returns what could be found; null where nothing of it was, and it is as it was reported
 */
export function originalName(map: TraceMap, lines: readonly string[], place: ScriptPlace, reported: string): string | null {
  const parts = reported
    .replace(/ \[as [^\]]{0,200}\]$/, "")
    .replace(/^(?:async |new |get |set )+/, "")
    .split(/[./]/)
    .slice(-3);
  // `Object` says only that it was called as a method of some object.
  if (parts[0] === "Object" && parts.length > 1) parts.shift();
  const found = parts.map((part) => (IDENTIFIER.test(part) ? declaredName(map, lines, place, part) : null));
  return found.every((name) => name === null) ? null : found.map((name, i) => name ?? parts[i] ?? "").join(".");
}

function declaredName(map: TraceMap, lines: readonly string[], place: ScriptPlace, name: string): string | null {
  const mappings = decodedMappings(map);
  let left = MAX_TOKENS;
  for (let line = Math.min(place.line, mappings.length - 1); line >= 0; line--) {
    const text = lines[line];
    if (text === undefined) continue;
    const segments = mappings[line] ?? [];
    for (let i = lastAtOrBefore(segments, line === place.line ? place.column : Infinity); i >= 0; i--) {
      if (left-- === 0) return null;
      const segment = segments[i];
      if (!segment || !text.startsWith(name, segment[0])) continue;
      if (isDeclaration(text, segment[0], name)) return segment.length === 5 ? (map.names[segment[4]] ?? null) : name;
    }
  }
  return null;
}

/** Index of the last token that begins at or before a column; -1 for none. */
function lastAtOrBefore(segments: readonly SourceMapSegment[], column: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((segments[middle]?.[0] ?? 0) <= column) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** True where the name at this place is given to a function or class: `function n(`, `class n`, `n=`, `n:function`, `n(…){`. */
function isDeclaration(text: string, at: number, name: string): boolean {
  const before = text.slice(Math.max(0, at - 12), at).trimEnd();
  const after = text.slice(at + name.length, at + name.length + MAX_PARAMETERS);
  if (NAME_CHAR.test(after.charAt(0))) return false;
  if (/(?:^|[^\p{ID_Continue}$.])(?:function\s*\*?|class)$/u.test(before)) return true;
  const next = after.trimStart();
  if (/^=(?![=>])/.test(next)) return isFunctionStart(next.slice(1));
  if (next.startsWith(":")) return isFunctionStart(next.slice(1));
  return (
    next.startsWith("(") && !/[.\p{ID_Continue}$)\]]$/u.test(before.replace(/(?:async|static|get|set|\*)$/, "")) && isMethod(next)
  );
}

function isFunctionStart(text: string): boolean {
  return /^\s*(?:async\b\s*)?(?:function\b|class\b|\(|[\p{ID_Start}$_][\p{ID_Continue}$]{0,100}\s*=>)/u.test(text);
}

/** True where the brackets that begin here are parameters, because a body follows them. */
function isMethod(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "(") depth++;
    if (text[i] === ")" && --depth === 0) return /^\s*\{/.test(text.slice(i + 1, i + 8));
  }
  return false;
}
