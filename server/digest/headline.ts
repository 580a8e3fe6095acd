/** What an occurrence is called in one line, and where it happened: made when its texts are redacted and its stack is mapped. */

import type { Frame } from "../../protocol/occurrence.ts";
import type { Digested } from "../digested.ts";
import { MAX_TEXT } from "./bounds.ts";

const MAX_CULPRIT = 200;

/** The occurrence with type, message and culprit as its exceptions and frames say. */
export function withHeadline(given: Digested): Digested {
  const [reported] = given.detail.exceptions;
  // A wrapper without words of its own is called what it wraps.
  const shown = reported && reported.type === "" && reported.value === "" ? (given.detail.exceptions[1] ?? reported) : reported;
  const frames = given.detail.exceptions.find((one) => one.frames.length > 0)?.frames ?? given.detail.frames;
  return {
    ...given,
    type: shown ? (shown.type === "" ? "Error" : shown.type) : given.type,
    message: (shown ? (shown.value === "" ? given.message : shown.value) : given.message).slice(0, MAX_TEXT.message),
    culprit: given.culprit === "" ? (given.transaction === "" ? describe(frames) : given.transaction) : given.culprit,
  };
}

/** `function (file)` of the innermost frame of the project's own code. */
function describe(frames: readonly Frame[]): string {
  const frame =
    frames.find((one) => one.inApp && one.file !== "") ?? frames.find((one) => one.file !== "" || one.function !== "");
  if (!frame) return "";
  const file = shortFile(frame.file);
  const name = frame.function === "" ? file : file === "" ? frame.function : `${frame.function} (${file})`;
  return name.slice(0, MAX_CULPRIT).toWellFormed();
}

/** A file's path without where it comes from and what is asked of it. */
function shortFile(file: string): string {
  const path = file.replace(/[?#].{0,2048}$/s, "").replace(/^[a-z][a-z\d+.-]{0,40}:\/\/[^/]{0,256}/i, "");
  return path.replace(/^\/?(?:[.~]{1,2}\/)*/, "");
}
