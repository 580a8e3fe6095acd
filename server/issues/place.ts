/** Where in the original source an error was thrown: what three browsers agree on, whatever they call the error, and what survives a deploy. */

import type { ChainedException, Frame } from "../../protocol/occurrence.ts";
import type { EngineFault } from "./wording.ts";

const MAX_LINE = 200;
const NATIVE = /^$|\[native code\]|^native(?: code)?$|^<(?:anonymous|unknown)>$|^node:/;
/** A line that makes the error itself: its words are an author's. */
const AUTHORED = /\bthrow\b|Error\s*\(|Exception\s*\(|\bsuper\s*\(|\breject\s*\(|\binvariant\s*\(|\bassert\w*\s*\(/;

/** A line of the original source, without what differs from build to build. */
export interface Place {
  file: string;
  /** The line before it that says something, so that equal lines of a file are told apart. */
  before: string;
  line: string;
}

/**
 * The innermost line of the project's own code, where its source is known.
 * @returns null where it is not known, or where the error is not the engine's
 */
export function findPlace({ frames }: Pick<ChainedException, "frames">, fault: EngineFault): Place | null {
  const real = frames.filter((frame) => !NATIVE.test(frame.file));
  const index = real.findIndex((frame) => frame.inApp);
  const frame = real[index];
  if (!frame) return null;
  const place = placeOf(frame);
  if (place === null) return null;
  // Out of a library comes anything; only what engines alone say is surely theirs.
  if (!fault.isSure && (index > 0 || AUTHORED.test(place.line))) return null;
  return place;
}

function placeOf({ file, context }: Frame): Place | null {
  if (!context) return null;
  const line = squeeze(context.line);
  if (line === "") return null;
  const before = context.before.map(squeeze).filter((text) => text !== "" && !/^(?:\/\/|\/?\*)/.test(text));
  return { file: baseName(file), before: before.at(-1) ?? "", line };
}

function squeeze(text: string): string {
  return text
    .slice(0, 4 * MAX_LINE)
    .replaceAll(/\s+/g, " ")
    .trim()
    .slice(0, MAX_LINE);
}

function baseName(file: string): string {
  return (
    file
      .replace(/[?#].*$/, "")
      .split(/[/\\]/)
      .at(-1) ?? ""
  ).toLowerCase();
}
