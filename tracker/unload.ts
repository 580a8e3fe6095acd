/** The page goes away, and perhaps comes back: what must happen then, in this order and before the handler returns. */

import type { Host } from "./host.ts";

export interface Leaving {
  /** The page is hidden; on phones nothing more may come. */
  hide: () => void;
  /** The page goes, and may come back. */
  leave: () => void;
  /** It came back from there. */
  comeBack: () => void;
}

export function watchUnload(host: Host, leaving: Leaving): void {
  host.listen(window, "pagehide", leaving.leave);
  host.listen(window, "pageshow", (event) => {
    if ("persisted" in event && event.persisted) leaving.comeBack();
  });
  host.listen(document, "visibilitychange", () => {
    if (document.hidden) leaving.hide();
  });
}
