/** Errors that nobody caught, and those that the page reports itself, with what is behind them. */

import { MAX_CAUSES } from "../../protocol/limits.ts";
import type { Cause, Marker } from "../../protocol/markers.ts";
import type { Privacy } from "../privacy.ts";
import { MAX_TEXT, type Capture } from "./capture.ts";
import { show } from "./console.ts";

const MAX_STACK = 8_000;
type Described = Required<Pick<Cause, "name" | "text" | "stack">>;

/** Of what is behind an error the place counts more than the way there. */
const MAX_CAUSE_STACK = 4_000;

export function captureErrors(capture: Capture): void {
  const { host, mark } = capture;
  host.listen(window, "error", (event) => {
    // Images and scripts that do not load fire an event without an error here.
    if (!(event instanceof ErrorEvent)) return;
    const { message, filename, lineno, colno } = event;
    mark(errorMarker(capture, event.error ?? message, "onerror", filename && `    at ${filename}:${lineno}:${colno}`));
  });
  host.listen(window, "unhandledrejection", (event) => {
    if ("reason" in event) mark(errorMarker(capture, event.reason, "onunhandledrejection"));
  });
}

/**
 * Describes anything that was thrown, and the page as it is now.
 * @param place a stack for what brings none
 */
export function errorMarker({ privacy, settings }: Capture, thrown: unknown, mechanism: string, place = ""): Marker {
  const { release = null, environment = null } = settings;
  const causes: Cause[] = [];
  const seen = new Set([thrown]);

  /** Each behind the one it belongs to, and none twice: a chain may lead back to itself. */
  function add(one: unknown, source: string, of: number): void {
    if (one === undefined || seen.has(one) || causes.length === MAX_CAUSES) return;
    seen.add(one);
    const parts = partsOf(one);
    follow(parts, causes.push({ ...describe(privacy, parts, "", MAX_CAUSE_STACK), source, of }));
  }

  function follow({ cause, errors }: Parts, of: number): void {
    add(cause ?? undefined, "cause", of);
    errors.forEach((each, index) => each instanceof Error && add(each, `errors[${index}]`, of));
  }

  const parts = partsOf(thrown);
  const first = describe(privacy, parts, place, MAX_STACK);
  follow(parts, 0);
  return {
    kind: "error",
    at: Date.now(),
    ...first,
    ...(causes.length ? { causes } : {}),
    data: {
      handled: mechanism === "manual",
      mechanism,
      release,
      environment,
      online: navigator.onLine,
      visibility: document.visibilityState,
      readyState: document.readyState,
      width: innerWidth,
      height: innerHeight,
      scrollX,
      scrollY,
      pageAgeMs: Math.round(performance.now()),
    },
  };
}

interface Parts {
  name?: unknown;
  said: string;
  stack?: unknown;
  cause?: unknown;
  errors: readonly unknown[];
}

/** What an error of any window says of itself, and what somebody throws who throws no error. */
function partsOf(thrown: unknown): Parts {
  try {
    const { name, message, stack, cause, errors } = Object(thrown) as Partial<Record<string, unknown>>;
    // Libraries call lists of other things `errors` as well.
    const gathered: unknown[] = thrown instanceof Error && Array.isArray(errors) ? errors.slice(0, MAX_CAUSES) : [];
    return { name, said: show(message ?? thrown).slice(0, MAX_STACK), stack, cause, errors: gathered };
  } catch {
    return { said: typeof thrown, errors: [] };
  }
}

function describe(privacy: Privacy, { name, said, stack }: Parts, place: string, maxStack: number): Described {
  const text = privacy.message(said);
  // The stack begins with the message in some browsers.
  const lines = (typeof stack === "string" && stack ? stack : place).replace(said, () => text);
  return {
    name: privacy.message(typeof name === "string" && name ? name : "Error"),
    // Cut only now: half a secret is not recognised.
    text: text.slice(0, MAX_TEXT),
    stack: privacy.message(lines.slice(0, maxStack), true),
  };
}

/** The same error under stricter rules. */
export function maskAgain<T extends Cause & Pick<Marker, "causes">>(privacy: Privacy, marker: T): T {
  const { text = "", stack = "", causes } = marker;
  const masked = privacy.message(text);
  return {
    ...marker,
    ...(text ? { text: masked } : {}),
    // The message is in there as well.
    ...(stack
      ? {
          stack: privacy.message(
            stack.replace(text, () => masked),
            true,
          ),
        }
      : {}),
    ...(causes ? { causes: causes.map((cause) => maskAgain(privacy, cause)) } : {}),
  };
}
