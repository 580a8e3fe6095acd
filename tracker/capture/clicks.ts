/** Clicks, with a short description of what was clicked, and rage clicks. */

import type { Capture } from "./capture.ts";

/** So many clicks, so close in time and place, are rage. */
const RAGE_CLICKS = 3;
const RAGE_MS = 1_000;
const RAGE_PIXELS = 30;
const MAX_LABEL = 80;
const CLICKABLE = "a,button,input,select,textarea,label,summary,option,[role],[onclick]";

export function captureClicks({ host, privacy, mark }: Capture): void {
  let burst: { at: number; x: number; y: number }[] = [];

  host.listen(document, "click", (event) => {
    const [target] = event.composedPath();
    if (!(event instanceof MouseEvent) || !(target instanceof Element)) return;
    const at = Date.now();
    const { clientX: x, clientY: y } = event;
    const marker = { at, ...describe(target), data: { x, y } };
    mark({ kind: "click", ...marker });
    burst = burst.filter((click) => at - click.at < RAGE_MS && Math.hypot(click.x - x, click.y - y) < RAGE_PIXELS);
    burst.push({ at, x, y });
    if (burst.length === RAGE_CLICKS) mark({ kind: "rage_click", ...marker });
  });

  function describe(target: Element): { name: string; text: string } {
    const element = target.closest(CLICKABLE) ?? target;
    const name = element.tagName.toLowerCase() + (element.id ? `#${element.id}` : "");
    const text = privacy.isBlocked(element) ? "" : labelOf(element);
    return { name: privacy.text(name), text: text.replace(/\s+/g, " ").trim().slice(0, MAX_LABEL) };
  }

  /** What a person would call the element; never what was typed into it. */
  function labelOf(element: Element): string {
    for (const name of ["aria-label", "title", "alt", "placeholder", "name"]) {
      const label = element.getAttribute(name);
      if (label) return privacy.text(label, element);
    }
    let text = "";
    if (/^(?:input|select|textarea)$/i.test(element.tagName) || element.closest("[contenteditable]")) return text;
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    // Each piece by the rules of the element it stands in.
    for (let node = walker.nextNode(); node && text.length < 2 * MAX_LABEL; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (parent && !privacy.isBlocked(parent)) text += privacy.text(node.nodeValue ?? "", parent);
    }
    return text;
  }
}
