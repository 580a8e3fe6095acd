/** Where in the original source an error was thrown: what three browsers agree on, whatever they call the error, and what survives a deploy. */

import type { ChainedException, Frame } from "../../protocol/occurrence.ts";
import type { EngineFault } from "./wording.ts";

const MAX_TEXT = 200;
/** Builds put small functions into the ones that call them, where they are this near. */
const NEAR_LINES = 8;
const NATIVE = /^$|\[native code\]|^native(?: code)?$|^<(?:anonymous|unknown)>$|^node:/;
/** SpiderMonkey names what has no name by what is around it: `render/<`. */
const NAMELESS = /^$|^\?$|<|\banonymous\b|^eval\b/i;
/** A line that makes the error itself: its words are an author's. */
const AUTHORED = /\bthrow\b|Error\s*\(|Exception\s*\(|\bsuper\s*\(|\breject\s*\(|\binvariant\s*\(|\bassert\w*\s*\(/;

/**
 * A function of the original source. Engines blame different lines of it for the same fault, and minifiers make one line of two; only
 * where it has no name does the line stand for it.
 */
export interface Place {
  file: string;
  /** Its name, without what it is a method of; empty where it has none. */
  function: string;
  /** Where it has no name: the line, and the one before it that says something. */
  line: string;
  before: string;
}

/** Where it was thrown, by the nearest function with a name; and the function around that one, which other builds and browsers may name. */
export interface Places {
  inner: Place;
  outer: Place | null;
}

/**
 * The innermost function of the project's own code, where its source is known.
 * @returns null where it is not known, or where the error is not the engine's
 */
export function findPlaces({ frames }: Pick<ChainedException, "frames">, fault: EngineFault): Places | null {
  const real = frames.filter((frame) => !NATIVE.test(frame.file));
  const index = real.findIndex((frame) => frame.inApp);
  const frame = real[index];
  if (!frame) return null;
  const inner = placeOf(frame);
  if (inner === null) return null;
  // Out of a library comes anything; only what engines alone say is surely theirs.
  if (!fault.isSure && (index > 0 || AUTHORED.test(frame.context?.line ?? ""))) return null;
  const caller = real[index + 1];
  const around = caller && isAround(caller, frame) ? placeOf(caller) : null;
  if (around === null || around.function === "") return { inner, outer: null };
  return inner.function === "" ? { inner: around, outer: null } : { inner, outer: around };
}

function placeOf({ file, context, function: name }: Frame): Place | null {
  if (!context) return null;
  const line = squeeze(context.line);
  if (line === "") return null;
  const called = NAMELESS.test(name)
    ? ""
    : (
        name
          .replace(/ \[as .*$/, "")
          .split(/[./ ]/)
          .at(-1) ?? ""
      ).replaceAll("*", "");
  if (called !== "") return { file: baseName(file), function: called.slice(0, MAX_TEXT), line: "", before: "" };
  const before = context.before.map(squeeze).filter((text) => text !== "" && !/^(?:\/\/|\/?\*)/.test(text));
  return { file: baseName(file), function: "", line, before: before.at(-1) ?? "" };
}

/** Whether the caller may be the function that another was written in. */
function isAround(caller: Frame, { file, line }: Frame): boolean {
  return caller.inApp && caller.file === file && Math.abs((caller.line ?? -NEAR_LINES) - (line ?? 2 * NEAR_LINES)) <= NEAR_LINES;
}

function squeeze(text: string): string {
  return text
    .slice(0, 4 * MAX_TEXT)
    .replaceAll(/\s+/g, " ")
    .trim()
    .slice(0, MAX_TEXT);
}

function baseName(file: string): string {
  return (
    file
      .replace(/[?#].*$/, "")
      .split(/[/\\]/)
      .at(-1) ?? ""
  ).toLowerCase();
}
