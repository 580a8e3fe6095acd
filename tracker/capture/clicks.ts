/** Clicks, with a short description of what was clicked and where, and rage clicks. */

import type { Capture } from "./capture.ts";
import { describe, placeOn } from "./describe.ts";

/** So many clicks, so close in time and place, are rage. */
const RAGE_CLICKS = 3;
const RAGE_MS = 1_000;
const RAGE_PIXELS = 30;

export function captureClicks({ host, privacy, mark, tell }: Capture): void {
  let burst: { at: number; x: number; y: number }[] = [];

  host.listen(document, "click", (event) => {
    const [target] = event.composedPath();
    // What the visitor answers to those who help him is no click on the page.
    if (!(event instanceof MouseEvent) || !(target instanceof Element) || target.matches(".wb-assist")) return;
    const at = Date.now();
    const { clientX: x, clientY: y } = event;
    // In a shadow root it is its host that has a place in the page.
    const outer = event.target instanceof Element ? event.target : target;
    const marker = { kind: "click" as const, at, ...describe(privacy, target), data: { x, y, ...placeOn(privacy, outer, x, y) } };
    mark(marker);
    burst = burst.filter((click) => at - click.at < RAGE_MS && Math.hypot(click.x - x, click.y - y) < RAGE_PIXELS);
    burst.push({ at, x, y });
    // Three clicks select a paragraph.
    if (burst.length === RAGE_CLICKS && !isSelected(target)) mark({ ...marker, kind: "rage_click" });
    if (event.isTrusted) tell("click", { event, target, marker });
  });
}

/** True where the visitor has selected text, beginning in this element. */
export function isSelected(element: Element): boolean {
  const selection = getSelection();
  return selection?.isCollapsed === false && element.contains(selection.anchorNode);
}
