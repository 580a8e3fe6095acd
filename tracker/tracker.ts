/** The door of the tracker: `init(options)` starts recording this page, and nothing of it is ever thrown at the page. */

import type { Marker } from "../protocol/markers.ts";
import { settle, stricter, type Settings, type TrackerHandle, type TrackerOptions } from "./options.ts";
import { keptRules, storageOf } from "./session.ts";
import { isTrackingUnwanted } from "./page-facts.ts";
import { startVisit, type Visit } from "./visit.ts";

export type { Facts, TrackerHandle, TrackerOptions } from "./options.ts";

const scriptOrigin = originOfScript();
let running: TrackerHandle | null = null;

/**
 * Starts recording this page, as soon as consent and the visitor's own settings allow. A page has one tracker: while one runs, its
 * handle is returned.
 */
export function init(options: TrackerOptions): TrackerHandle {
  if (running) return running;
  let visit: Visit | null = null;
  let isStopped = false;
  let isPreview = /[?&]wb-preview\b/.test(location.search);
  /** The page's options, and what the project has asked for so far. */
  let settings: (Settings & { isHeard?: boolean }) | undefined;

  function guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      try {
        options.onError?.(error);
      } catch {
        // Nobody is left to tell.
      }
    }
  }

  function begin(marks: Marker[] = []): void {
    guard(() => {
      // Made ready in advance, and perhaps never looked at.
      if ("prerendering" in document && document.prerendering) {
        document.addEventListener("prerenderingchange", () => begin(), { once: true });
        return;
      }
      const kept = keptRules(storageOf("localStorage"), options.key);
      const own: Settings & { isHeard?: boolean } = (settings ??= settle(options, scriptOrigin));
      const chosen: Settings = { ...own, ...(kept ? stricter(own, kept) : { recordBodies: false }) };
      const isUnwanted = chosen.respectDoNotTrack && !isPreview && isTrackingUnwanted();
      if (visit || isStopped || isUnwanted || isRecordedByParent()) return;
      visit = startVisit(chosen, {
        isHeard: kept !== null || own.isHeard === true,
        marks,
        isPreview,
        onStricter(asked, open) {
          settings = { ...own, ...stricter(chosen, asked), isHeard: true };
          visit = null;
          begin(open);
        },
      });
    });
  }

  const handle: TrackerHandle = {
    stop() {
      isStopped = true;
      running = null;
      visit?.stop(false);
      visit = null;
    },
    flush: () => visit?.flush(),
    mark: (name, data = {}) => guard(() => visit?.mark(name, data)),
    state: (name, value) => visit?.show("state", name, value),
    storage: (area, name, value) => visit?.show(area, name, value),
    identify: (userId, traits = {}) => guard(() => visit?.identify(userId, traits)),
    captureError: (error) => visit?.captureError(error),
    consent(given) {
      if (given) begin();
      else {
        visit?.stop(true);
        visit = null;
      }
    },
    preview() {
      handle.stop();
      running = handle;
      isStopped = false;
      isPreview = true;
      begin();
    },
    sessionId: () => visit?.sessionId ?? null,
  };
  running = handle;
  if (options.consent !== "required" || isPreview) begin();
  return handle;
}

/** The parent's recording holds this frame already. */
function isRecordedByParent(): boolean {
  try {
    return window.parent !== window && "watchback" in window.parent;
  } catch {
    return false;
  }
}

/** Where the script came from; for a module, where the page did. */
function originOfScript(): string {
  const script = document.currentScript;
  return new URL(script instanceof HTMLScriptElement && script.src ? script.src : location.href).origin;
}
