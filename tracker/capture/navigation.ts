/** Page loads, and the changes of address that a page makes without one. */

import type { Capture } from "./capture.ts";

/** Pages set their title a little after their address. */
const TITLE_DELAY_MS = 100;

export function captureNavigation(capture: Capture): void {
  const { host, privacy, mark } = capture;
  let url = location.href;

  function markHere(kind: "page_load" | "navigation", from?: string): void {
    mark({
      kind,
      at: Date.now(),
      name: privacy.url(url).slice(0, 256),
      text: privacy.text(document.title),
      ...(from === undefined ? {} : { data: { from: privacy.url(from).slice(0, 1_024) } }),
    });
  }

  const look = (): void => {
    if (location.href === url) return;
    const from = url;
    url = location.href;
    host.after(TITLE_DELAY_MS, () => {
      markHere("navigation", from);
      capture.navigated();
    });
  };

  for (const name of ["pushState", "replaceState"]) {
    host.wrap(History.prototype, name, () => () => {
      look();
      return undefined;
    });
  }
  host.listen(window, "popstate", look);
  host.listen(window, "hashchange", look);
  markHere("page_load");
}
