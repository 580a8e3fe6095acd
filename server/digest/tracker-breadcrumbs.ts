/** The markers before an error of our tracker, as breadcrumbs. */

import type { Breadcrumb, Level } from "../../protocol/occurrence.ts";
import { MAX_COUNT, MAX_TEXT } from "./bounds.ts";
import type { Reader } from "./reader.ts";
import type { StoredMarker } from "./tracker-queries.ts";

/** By kind of marker, and by level of a console call. */
const LEVELS: Readonly<Record<string, Level>> = {
  error: "error",
  warn: "warning",
  warning: "warning",
  debug: "debug",
  console_error: "error",
  failed_request: "warning",
  rage_click: "warning",
  dead_click: "warning",
  error_click: "warning",
};
/** Category and type of a breadcrumb, as Sentry SDKs call them, so that both kinds of errors are read alike. */
const WORDS: Readonly<Record<string, readonly [string, string]>> = {
  error: ["exception", "error"],
  console_error: ["console", "debug"],
  console: ["console", "debug"],
  failed_request: ["fetch", "http"],
  click: ["ui.click", "user"],
  rage_click: ["ui.multiClick", "user"],
  dead_click: ["ui.deadClick", "user"],
  error_click: ["ui.click", "user"],
  navigation: ["navigation", "navigation"],
  page_load: ["page_load", "navigation"],
};

/** @param markers newest first, as they are read */
export function toBreadcrumbs(reader: Reader, markers: readonly StoredMarker[]): Breadcrumb[] {
  return markers
    .slice(0, MAX_COUNT.breadcrumbs)
    .map((marker) => toBreadcrumb(reader, marker))
    .toReversed();
}

function toBreadcrumb(reader: Reader, { kind, at, name, text, data }: StoredMarker): Breadcrumb {
  const [category, type] = WORDS[kind] ?? ["custom", "default"];
  const isConsole = kind === "console" || kind === "console_error";
  // The name of a console call is its level.
  const said = [isConsole ? "" : name, text].filter((part) => part !== "").join(kind === "error" ? ": " : " ");
  return {
    at,
    category,
    type,
    level: LEVELS[kind === "console" ? name : kind] ?? "info",
    message: reader.text(said, MAX_TEXT.breadcrumb),
    data: Object.fromEntries(
      reader
        .pairs(data, MAX_COUNT.breadcrumbFacts, "data of a breadcrumb")
        .filter(([, value]) => typeof value !== "object" || value === null)
        .map(([key, value]) => [reader.text(key, MAX_TEXT.name), reader.fact(value, MAX_TEXT.fact)]),
    ),
  };
}
