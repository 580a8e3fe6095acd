/**
 * The name of a function that a minifier left without one: the function around a place of the script is found by its brackets, and the
 * original source is read where the map says that it begins. Strings that hold brackets may hide it; then there is no name.
 */

import { originalPositionFor, type TraceMap } from "@jridgewell/trace-mapping";

/** Farthest that is looked back. */
const MAX_CHARS = 50_000;
const NAME = "([\\p{ID_Start}$_][\\p{ID_Continue}$]{0,100})";
/** The original, from where the function begins. */
const FUNCTION = new RegExp(`^(?:async\\s+)?function\\s*\\*?\\s*${NAME}`, "u");
/** The original, up to where an arrow function begins: `const name = `, `name: `, `name = `. */
const ASSIGNED = new RegExp(`(?:^|[^\\p{ID_Continue}$.])${NAME}\\s*(?::[^=;{}()]{0,100})?[=:]\\s*(?:async\\s*)?$`, "u");

/**
 * Looks for it.
 * @param sourceLines gives the lines of an original source by its name
 * @returns empty where the original has no name either, or it cannot be found
 */
export function enclosingName(
  map: TraceMap,
  text: string,
  place: { line: number; column: number },
  sourceLines: (source: string) => readonly string[],
): string {
  const start = functionStart(text, place.column);
  if (start === null) return "";
  const found = originalPositionFor(map, { line: place.line + 1, column: start });
  if (found.source === null) return "";
  const line = sourceLines(found.source)[found.line - 1] ?? "";
  const from = line.slice(found.column, found.column + 300);
  // Of an arrow function with one parameter the minifier drops the bracket, and so it begins behind it.
  const isBehind = line[found.column - 1] === "(" && /^[^;{}]{0,300}=>/.test(from);
  const before = line.slice(Math.max(0, found.column - 300), isBehind ? found.column - 1 : found.column);
  return (
    FUNCTION.exec(from)?.[1] ?? (/^function\b/.test(from) || isBehind || isArrow(from) ? (ASSIGNED.exec(before)?.[1] ?? "") : "")
  );
}

function isArrow(text: string): boolean {
  return /^(?:async\b)?\s*(?:\(|[\p{ID_Start}$_][\p{ID_Continue}$]{0,100}\s*=>)/u.test(text);
}

/** Where the function begins that a column of a line is in; null where its beginning is not on that line. */
function functionStart(text: string, column: number): number | null {
  let depth = 0;
  const end = Math.max(0, column - MAX_CHARS);
  for (let at = column - 1; at >= end; at--) {
    const char = text[at];
    if (char === '"' || char === "'" || char === "`") {
      at = text.lastIndexOf(char, at - 1);
      if (at < end) return null;
    } else if (char === "}" || char === ")" || char === "]") depth++;
    else if (char === "(" || char === "[") depth = Math.max(0, depth - 1);
    else if (char === "{" && depth > 0) depth--;
    else if (char === "{") {
      const start = headBefore(text, at);
      if (start !== null) return start;
    } else if (char === ">" && text[at - 1] === "=" && depth === 0) return parametersBefore(text, at - 1);
  }
  return null;
}

/** Where the function begins whose body begins here; null where it is the body of something else. */
function headBefore(text: string, brace: number): number | null {
  if (text.slice(brace - 2, brace) === "=>") return parametersBefore(text, brace - 2);
  if (text[brace - 1] !== ")") return null;
  const open = openingOf(text, brace - 1);
  const head =
    open === null
      ? null
      : /(?:async )?function\s?\*?\s?[\p{ID_Continue}$]{0,100}$/u.exec(text.slice(Math.max(0, open - 120), open));
  return head && open !== null ? open - head[0].length : null;
}

/** Where the parameters begin that end before an arrow. */
function parametersBefore(text: string, arrow: number): number | null {
  if (text[arrow - 1] === ")") return openingOf(text, arrow - 1);
  const name = /[\p{ID_Continue}$]{1,100}$/u.exec(text.slice(Math.max(0, arrow - 100), arrow));
  return name ? arrow - name[0].length : null;
}

function openingOf(text: string, closing: number): number | null {
  let depth = 0;
  for (let at = closing; at >= Math.max(0, closing - 2_000); at--) {
    if (text[at] === ")") depth++;
    if (text[at] === "(" && --depth === 0) return at;
  }
  return null;
}
