/** `console.error` as a marker; with `recordConsole` the first calls of other levels too, and every call as an event, in the form of rrweb's console plugin. */

import type { Privacy } from "../privacy.ts";
import { MAX_TEXT, type Capture } from "./capture.ts";

const LEVELS = ["log", "info", "warn", "debug", "error"] as const;

/** Calls of a page load, errors apart, that become markers, for breadcrumbs and for the search; a page that logs without end is read in its events. */
const MAX_QUIET = 200;

export function captureConsole({ host, privacy, settings, mark, record }: Capture): void {
  let quietLeft = MAX_QUIET;
  for (const level of settings.recordConsole ? LEVELS : (["error"] as const)) {
    host.wrap(console, level, (args) => {
      const payload = args.map((argument) => textOf(privacy, argument, MAX_TEXT));
      // The plugin's own form: each argument as JSON text.
      if (settings.recordConsole) {
        record("rrweb/console@1", { level, trace: [], payload: payload.map((text) => JSON.stringify(text)) });
      }
      const isError = level === "error";
      if (!isError && quietLeft-- <= 0) return undefined;
      // The browser fills in what the first argument leaves open.
      const [first = "", ...rest] = payload;
      const filled = first.replace(/%[sdifoOc]/g, (place) => rest.shift() ?? place);
      const text = [filled, ...rest].join(" ");
      mark({ kind: isError ? "console_error" : "console", at: Date.now(), name: level, text: text.slice(0, MAX_TEXT) });
      return undefined;
    });
  }
}

/** Anything as masked text; errors keep what `all` lets them say. */
export function textOf(privacy: Privacy, value: unknown, max: number): string {
  // Cut behind masking: half a secret is not recognised.
  const text = privacy.message(show(value).slice(0, 8 * max));
  return (value instanceof Error ? text : privacy.text(text)).slice(0, max);
}

/** Anything as text; large objects are not walked. */
export function show(argument: unknown): string {
  if (argument instanceof Error) return `${argument.name}: ${argument.message}`;
  if (argument instanceof Node) return argument.nodeName;
  if (typeof argument !== "object" || argument === null) return String(argument);
  let left = 50;
  try {
    const text: unknown = JSON.stringify(argument, (_key, value: unknown) =>
      left-- > 0 && !(value instanceof Node) ? value : undefined,
    );
    return typeof text === "string" ? text : Object.prototype.toString.call(argument);
  } catch {
    return Object.prototype.toString.call(argument);
  }
}
