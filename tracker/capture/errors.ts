/** Errors that nobody caught, and those that the page reports itself. */

import type { Marker } from "../../protocol/markers.ts";
import { MAX_TEXT, type Capture } from "./capture.ts";

const MAX_STACK = 8_000;

export function captureErrors(capture: Capture): void {
  const { host } = capture;
  host.listen(window, "error", (event) => {
    // Images and scripts that do not load fire an event without an error here.
    if (event instanceof ErrorEvent) capture.mark(errorMarker(capture, event.error ?? event.message, "onerror"));
  });
  host.listen(window, "unhandledrejection", (event) => {
    if ("reason" in event) capture.mark(errorMarker(capture, event.reason, "onunhandledrejection"));
  });
}

/** Describes anything that was thrown. */
export function errorMarker({ privacy }: Capture, thrown: unknown, mechanism: string): Marker {
  const error = thrown instanceof Error ? thrown : null;
  const message = String(error?.message ?? thrown).slice(0, MAX_STACK);
  const text = privacy.message(message);
  // The stack begins with the message in some browsers.
  const stack = (error?.stack ?? "").replace(message, () => text).slice(0, MAX_STACK);
  return {
    kind: "error",
    at: Date.now(),
    name: privacy.message(error?.name ?? "Error"),
    // Cut only now: half a secret is not recognised.
    text: text.slice(0, MAX_TEXT),
    stack: privacy.message(stack, true),
    data: { handled: mechanism === "manual", mechanism },
  };
}
