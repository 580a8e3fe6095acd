/** From a place on the agent's screen to one in the visitor's page, and to what is there. */

import { findShownPage, type ShownPage } from "../../player/shown-page.ts";

/** Where the visitor's page is on the screen, and how far it is scrolled and scaled. */
export interface Geometry {
  left: number;
  top: number;
  width: number;
  height: number;
  scale: number;
  scrollX: number;
  scrollY: number;
  tab: string | null;
}

/** What lies under the agent's pointer. */
export interface Spot {
  /** CSS pixels of the visitor's page, from the beginning of the document. */
  x: number;
  y: number;
  node: number | null;
  /** Where in the element, as shares of its box. */
  shareX: number;
  shareY: number;
  element: Element | null;
}

const STAGE = "[data-testid=stage]";

/** The stage of the session page; null while there is none. */
function findStage(): HTMLElement | null {
  return document.querySelector<HTMLElement>(STAGE);
}

/** The page that is shown now. */
export function shownPage(): ShownPage | null {
  const stage = findStage();
  return stage && findShownPage(stage);
}

/** Where it is; null while nothing is shown. */
export function readGeometry(): Geometry | null {
  const stage = findStage();
  const view = shownPage()?.document?.defaultView;
  if (!stage || !view) return null;
  const { left, top, width, height } = stage.getBoundingClientRect();
  const scale = stage.offsetWidth > 0 ? width / stage.offsetWidth : 1;
  if (width === 0) return null;
  return { left, top, width, height, scale, scrollX: view.scrollX, scrollY: view.scrollY, tab: shownPage()?.tab ?? null };
}

/** What is at a place of the screen. */
export function spotAt(geometry: Geometry, clientX: number, clientY: number): Spot {
  const innerX = (clientX - geometry.left) / geometry.scale;
  const innerY = (clientY - geometry.top) / geometry.scale;
  const place = { x: Math.round(innerX + geometry.scrollX), y: Math.round(innerY + geometry.scrollY) };
  const page = shownPage();
  const found = page?.document ? deepest(page.document, innerX, innerY) : null;
  for (let at = found?.element ?? null; at && page; at = at.parentElement) {
    const node = page.idOf(at);
    if (node < 1) continue;
    const box = at.getBoundingClientRect();
    const share = (value: number, size: number) => Math.min(1, Math.max(0, size > 0 ? value / size : 0.5));
    const { x = 0, y = 0 } = found ?? {};
    return { ...place, node, element: at, shareX: share(x - box.left, box.width), shareY: share(y - box.top, box.height) };
  }
  return { ...place, node: null, element: null, shareX: 0.5, shareY: 0.5 };
}

/** The innermost element at a place, inside of frames and shadow roots. */
function deepest(start: Document, startX: number, startY: number): { element: Element; x: number; y: number } | null {
  let root: Document | ShadowRoot = start;
  let [x, y] = [startX, startY];
  let found: Element | null = null;
  for (let depth = 0; depth < 20; depth++) {
    const element: Element | null = root.elementFromPoint(x, y);
    if (!element || element === found) break;
    found = element;
    const inner: unknown = Reflect.get(element, "contentDocument");
    if (element.shadowRoot) root = element.shadowRoot;
    else if (isDocument(inner)) {
      const box = element.getBoundingClientRect();
      [x, y] = [x - box.left - element.clientLeft, y - box.top - element.clientTop];
      root = inner;
    } else break;
  }
  return found && { element: found, x, y };
}

function isDocument(value: unknown): value is Document {
  return typeof value === "object" && value !== null && "nodeType" in value && value.nodeType === 9;
}

/** What moves when the wheel is turned there: the nearest element that can be scrolled that way, or (null) the page. */
export function scrollableAt(spot: Spot, deltaX: number, deltaY: number): Element | null {
  for (let at = spot.element; at; at = at.parentElement) {
    if (at === at.ownerDocument.scrollingElement || at === at.ownerDocument.body) return null;
    const { overflowX, overflowY } = at.ownerDocument.defaultView?.getComputedStyle(at) ?? {};
    const goes = (overflow: string | undefined) => overflow === "auto" || overflow === "scroll";
    if (deltaY !== 0 && goes(overflowY) && at.scrollHeight > at.clientHeight) return at;
    if (deltaX !== 0 && goes(overflowX) && at.scrollWidth > at.clientWidth) return at;
  }
  return null;
}

/** Where a node is in its own window; null for what has no box. By number and not by class: nodes of a frame have classes of their own. */
export function boxOf(node: Node): DOMRect | null {
  return isElement(node) ? node.getBoundingClientRect() : null;
}

function isElement(node: Node): node is Element {
  return node.nodeType === 1;
}
