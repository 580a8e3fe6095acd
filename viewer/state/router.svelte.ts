/** Which page is shown, by the address. */

import { isViewerPath } from "./paths.ts";

/** The address as pages see it. */
class Router {
  path = $state(window.location.pathname);
  query = $state.raw(new URLSearchParams(window.location.search));

  constructor() {
    window.addEventListener("popstate", () => this.read());
    document.addEventListener("click", (event) => this.onClick(event));
  }

  /** Goes to a path of ours; `replace` leaves no trace in the history. */
  go(target: string, options: { replace?: boolean } = {}): void {
    if (options.replace) window.history.replaceState(null, "", target);
    else window.history.pushState(null, "", target);
    this.read();
    if (!options.replace) window.scrollTo(0, 0);
  }

  private read(): void {
    this.path = window.location.pathname;
    this.query = new URLSearchParams(window.location.search);
  }

  /** Links within the viewer do not load it again. `/demo` and the like are not ours. */
  private onClick(event: MouseEvent): void {
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || !isPlain || event.defaultPrevented || link.target !== "" || link.origin !== window.location.origin) return;
    if (!isViewerPath(link.pathname)) return;
    event.preventDefault();
    this.go(`${link.pathname}${link.search}`);
  }
}

export const router = new Router();
