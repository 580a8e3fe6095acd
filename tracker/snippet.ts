/** The script tag: `data-` attributes are options, and `window.watchback` is the one global. */

import { optionsOf } from "./options.ts";
import { init, type TrackerHandle } from "./tracker.ts";

/** What a page finds under `window.watchback`: `init`, and once that was called (by the tag itself where it has a key) the handle. */
export type WatchbackGlobal = Partial<TrackerHandle> & { init: typeof init };

declare global {
  interface Window {
    watchback?: WatchbackGlobal;
  }
}

if (!window.watchback) {
  const script = document.currentScript;
  const api: WatchbackGlobal = {
    init(options) {
      return Object.assign(api, init(options));
    },
  };
  window.watchback = api;
  const options = script instanceof HTMLScriptElement ? optionsOf(script.dataset) : null;
  if (options) api.init(options);
}
