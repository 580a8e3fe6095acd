/** Page loads, the changes of address that a page makes without one, and what is known of a page when it ends: web vitals, and how far it was seen. */

import type { Facts } from "../options.ts";
import { EVENT } from "../recorded-event.ts";
import type { Capture } from "./capture.ts";
import { watchVitals } from "./vitals.ts";

/** Pages set their title a little after their address. */
const TITLE_DELAY_MS = 100;

export function captureNavigation(capture: Capture): void {
  const { host, privacy, nodes, mark, tell, hear } = capture;
  const vitals = watchVitals(host);
  let url = location.href;
  /** Share of the page's height that was on the screen, so far; 0: not known yet. */
  let depth = 0;
  let told = "";

  function markHere(kind: "page_load" | "navigation" | "web_vitals", data?: Facts): void {
    mark({
      kind,
      at: Date.now(),
      name: privacy.url(url).slice(0, 256),
      text: privacy.text(document.title),
      ...(data ? { data } : {}),
    });
  }

  const look = (): void => {
    if (location.href === url) return;
    const data = { from: privacy.url(url).slice(0, 1_024), ...seen() };
    url = location.href;
    depth = 0;
    tell("stir", null);
    host.after(TITLE_DELAY_MS, () => {
      markHere("navigation", data);
      capture.navigated();
      tell("leave", "navigated");
    });
  };

  function seen(): Facts {
    return depth ? { depth: Math.round(100 * depth) / 100 } : {};
  }

  hear("event", ({ type, data: { source, id = -1 } }) => {
    // Right behind these the recorder has measured the page itself.
    const isScroll = source === EVENT.scroll && type === EVENT.incremental && nodes.getNode(id) === document;
    if (!isScroll && type !== EVENT.fullSnapshot) return;
    depth = Math.max(depth, Math.min(1, (scrollY + innerHeight) / document.documentElement.scrollHeight));
  });
  hear("leave", (how) => {
    const data = { ...vitals(), ...seen() };
    const text = JSON.stringify([url, data]);
    if (how === "navigated" || text === told) return;
    told = text;
    markHere("web_vitals", data);
  });

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
