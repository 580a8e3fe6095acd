/**
 * Stacks as browsers write them, line by line: `at name (file:1:2)` in Chromium, `name@file:1:2` in Firefox and Safari. Read without patterns
 * that could take their time over a hostile line.
 */

import type { Frame } from "../../protocol/occurrence.ts";
import { MAX_TEXT } from "./bounds.ts";
import { type Reader } from "./reader.ts";
import { isForeign, keepEnds } from "./sdk-frames.ts";

const MAX_LINES = 400;
const POSITION = /:(\d{1,9})(?::(\d{1,9}))?\)?$/;
const NO_NAME: ReadonlySet<string> = new Set(["", "?", "<anonymous>", "anonymous", "global code", "module code", "eval code"]);
const NO_FILE: ReadonlySet<string> = new Set(["<anonymous>", "[native code]", "native code", "native", "unknown location"]);

/** The frames of a stack, innermost first; lines that are none are passed over. */
export function readStackText(reader: Pick<Reader, "note" | "text">, stack: string): Frame[] {
  const frames = stack
    .split("\n", MAX_LINES)
    .map((line) => readLine(line.slice(0, MAX_TEXT.address + MAX_TEXT.name).trim()))
    .filter((frame) => frame !== null);
  return keepEnds(frames, reader).map((frame) => ({
    ...frame,
    file: reader.text(frame.file, MAX_TEXT.address),
    function: reader.text(frame.function, MAX_TEXT.name),
  }));
}

function readLine(line: string): Frame | null {
  if (line.startsWith("at ")) return readChromium(line.slice(3));
  const sign = line.lastIndexOf("@") < line.indexOf("://") ? line.lastIndexOf("@") : line.indexOf("@");
  if (sign >= 0) return frameOf(line.slice(0, sign), line.slice(sign + 1));
  // Safari names no function by leaving it out, `@` included.
  return POSITION.test(line) && line.includes("/") && !line.includes(" ") ? frameOf("", line) : null;
}

function readChromium(text: string): Frame | null {
  const call = text.startsWith("async ") ? text.slice(6) : text;
  if (!call.endsWith(")")) return frameOf("", call);
  // Of code that was evaluated, the place of the innermost script that is a file: `eval at f (https://…:1:2), <anonymous>:1:1`.
  const open = call.indexOf(" (");
  if (open < 0) return frameOf("", call);
  const inner = call.slice(open + 2, -1);
  return frameOf(call.slice(0, open), inner.startsWith("eval at ") ? evalPlace(inner) : inner);
}

function evalPlace(text: string): string {
  const from = text.lastIndexOf(" (");
  const to = text.indexOf(")", from);
  return from < 0 || to < 0 ? text : text.slice(from + 2, to);
}

function frameOf(name: string, place: string): Frame | null {
  // Firefox: `https://…/a.js line 3 > eval:1:1` is in what line 3 evaluated.
  const script = place.split(" line ", 1)[0] ?? place;
  const evaluated = script === place ? null : /^(\d{1,9})/.exec(place.slice(script.length + 6));
  const match = POSITION.exec(place);
  const file = evaluated || !match ? script : place.slice(0, match.index);
  const isKnown = !NO_FILE.has(file);
  const cleanName = nameOf(name);
  if (!isKnown && cleanName === "") return null;
  if (isKnown && !match && !file.includes("/")) return cleanName === "" ? null : { ...UNKNOWN, function: cleanName };
  return {
    file: isKnown ? file : "",
    function: cleanName,
    line: evaluated ? toPosition(evaluated[1]) : toPosition(match?.[1]),
    column: evaluated ? null : toPosition(match?.[2]),
    inApp: isKnown && !isForeign(file),
  };
}

const UNKNOWN: Frame = { file: "", function: "", line: null, column: null, inApp: false };

/** Without what browsers put around names: `new`, `async`, `[as other]`, and Firefox's paths of nested functions. */
function nameOf(name: string): string {
  let clean = name.trim();
  if (clean.startsWith("async*") || clean.startsWith("async ")) clean = clean.slice(6);
  if (clean.startsWith("new ")) clean = clean.slice(4);
  const alias = clean.indexOf(" [as ");
  if (alias >= 0) clean = clean.slice(0, alias);
  while (clean.endsWith("<") || clean.endsWith("/")) clean = clean.slice(0, -1);
  return NO_NAME.has(clean) ? "" : clean;
}

function toPosition(digits: string | undefined): number | null {
  const number = Number(digits ?? 0);
  return number >= 1 ? number : null;
}
