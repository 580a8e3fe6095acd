/** Stacks as Sentry SDKs send them: outermost call first, and files named in two ways. */

import type { Frame } from "../../protocol/occurrence.ts";
import { MAX_COUNT, MAX_TEXT } from "./bounds.ts";
import { fieldsOf, get, numberOf, type Fields, type Reader } from "./reader.ts";

const MAX_NUMBER = 2_147_483_647;
const DEBUG_ID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
/** What SDKs write where a function has no name. */
const NO_NAME: ReadonlySet<string> = new Set(["?", "<anonymous>", "anonymous", "<unknown>"]);
/** Platforms whose files are known by their address, because source maps are. */
const SCRIPTS: ReadonlySet<string> = new Set(["javascript", "node"]);

/** Debug ids of files, by the name under which stacks know them. */
export type DebugIds = ReadonlyMap<string, string>;

/** The debug ids that `debug_meta` names. */
export function readDebugIds(event: Fields): DebugIds {
  const ids = new Map<string, string>();
  const images = get(fieldsOf(event, "debug_meta"), "images");
  if (!Array.isArray(images)) return ids;
  for (const image of images.slice(0, MAX_COUNT.images)) {
    const file = get(image, "code_file");
    const id = get(image, "debug_id");
    if (typeof file !== "string" || typeof id !== "string" || !DEBUG_ID.test(id)) continue;
    ids.set(file, dashed(id));
  }
  return ids;
}

/** The frames of a `stacktrace`, innermost first. */
export function readFrames(reader: Reader, stacktrace: unknown, platform: string, debugIds: DebugIds): Frame[] {
  const given = get(stacktrace, "frames");
  if (!Array.isArray(given)) return [];
  const frames = given.filter((frame) => typeof frame === "object" && frame !== null).toReversed();
  return keepEnds(frames, reader).map((frame) => readFrame(reader, frame, platform, debugIds));
}

function readFrame(reader: Reader, frame: unknown, eventPlatform: string, debugIds: DebugIds): Frame {
  const own = get(frame, "platform");
  const isScript = SCRIPTS.has(typeof own === "string" ? own : eventPlatform);
  const fileName = reader.text(get(frame, "filename"), MAX_TEXT.address);
  const absolute = reader.text(get(frame, "abs_path"), MAX_TEXT.address);
  const file = isScript ? (absolute !== "" ? absolute : fileName) : fileName !== "" ? fileName : absolute;
  const name = reader.text(get(frame, "function"), MAX_TEXT.name);
  const module = reader.text(get(frame, "module"), MAX_TEXT.name);
  const debugId = debugIds.get(absolute) ?? debugIds.get(fileName);
  const context = readContext(reader, frame);
  return {
    file,
    function: NO_NAME.has(name) ? "" : name,
    ...(module === "" ? {} : { module }),
    line: position(get(frame, "lineno")),
    column: position(get(frame, "colno")),
    ...(context ? { context } : {}),
    inApp: isInApp(get(frame, "in_app"), file),
    ...(debugId === undefined ? {} : { debugId }),
  };
}

/** Source that the SDK sent along, as those of servers do. */
function readContext(reader: Reader, frame: unknown): Frame["context"] {
  const line = get(frame, "context_line");
  if (typeof line !== "string") return undefined;
  const lines = (name: string) => {
    const given = get(frame, name);
    const all: unknown[] = Array.isArray(given) ? given : [];
    const near = name === "pre_context" ? all.slice(-MAX_COUNT.contextLines) : all.slice(0, MAX_COUNT.contextLines);
    return near.map((one) => reader.text(one, MAX_TEXT.line));
  };
  return { before: lines("pre_context"), line: reader.text(line, MAX_TEXT.line), after: lines("post_context") };
}

/** SDKs of browsers call every frame the project's own; those of servers know better. */
function isInApp(said: unknown, file: string): boolean {
  return said !== false && !isForeign(file);
}

/** Whether a file is a library's or the browser's, by its name. */
export function isForeign(file: string): boolean {
  return /(?:^|\/)node_modules\/|^node:|^\[?native code\]?$|^(?:chrome|moz|safari|safari-web)-extension:/.test(file);
}

/** Of a stack that is too long, both ends: where it broke, and how it got there. */
export function keepEnds<T>(frames: readonly T[], reader: Pick<Reader, "note">): readonly T[] {
  if (frames.length <= MAX_COUNT.frames) return frames;
  const half = MAX_COUNT.frames / 2;
  reader.note(`${frames.length - MAX_COUNT.frames} frames in the middle of a stack are left out`);
  return [...frames.slice(0, half), ...frames.slice(-half)];
}

function position(value: unknown): number | null {
  const number = numberOf(value);
  return number !== null && number >= 1 && number <= MAX_NUMBER ? Math.floor(number) : null;
}

function dashed(id: string): string {
  const hex = id.replaceAll("-", "").toLowerCase();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
