/** Where points of a heat map are in a recorded page. Pure, but for the page. */

import type { HeatPoint } from "../../net/api-friction.ts";

/** What trackers write (`tracker/capture/describe.ts`); of other signs no selector is made. */
const STEP = /^(?:#([A-Za-z_-]{1,40})|([A-Za-z][A-Za-z0-9_-]*)(?::(\d{1,6}))?)$/;

/** A point on the page, in its pixels. */
export interface Spot {
  x: number;
  y: number;
  count: number;
}

/** An element that was clicked, and all its clicks. */
export interface ClickedElement {
  path: string;
  name: string;
  count: number;
  box: { left: number; top: number; width: number; height: number };
}

/** What points come to on one page. `missing`: clicks on elements that it does not show. */
export interface Placed {
  spots: Spot[];
  elements: ClickedElement[];
  missing: number;
}

/** The selector of a path, or null where it is none. */
export function selectorOf(path: string): string | null {
  const steps = path === "" ? [] : path.split(">");
  const parts: string[] = [];
  for (const [index, step] of steps.entries()) {
    const [, id, tag, nth = "1"] = STEP.exec(step) ?? [];
    if (id !== undefined && index === 0) parts.push(`[id="${id}"]`);
    else if (tag !== undefined) parts.push(`${tag}:nth-of-type(${nth})`);
    else return null;
  }
  return parts[0]?.startsWith("[") === true ? parts.join(">") : ["body", ...parts].join(">");
}

/** Puts points onto a page; elements with most clicks first. */
export function placePoints(points: readonly HeatPoint[], page: Document): Placed {
  const found = new Map<string, ClickedElement | null>();
  const spots: Spot[] = [];
  let missing = 0;
  for (const { path, x, y, count } of points) {
    let element = found.get(path);
    if (element === undefined) {
      element = findElement(path, page);
      found.set(path, element);
    }
    if (!element) {
      missing += count;
      continue;
    }
    element.count += count;
    const { left, top, width, height } = element.box;
    spots.push({ x: left + x * width, y: top + y * height, count });
  }
  const elements = [...found.values()].filter((element) => element !== null).sort((a, b) => b.count - a.count);
  return { spots, elements, missing };
}

function findElement(path: string, page: Document): ClickedElement | null {
  const selector = selectorOf(path);
  const element = selector === null ? null : page.querySelector(selector);
  const box = element?.getBoundingClientRect();
  if (!element || !box || box.width === 0 || box.height === 0) return null;
  const { scrollX = 0, scrollY = 0 } = page.defaultView ?? {};
  const { width, height } = box;
  return { path, name: nameOf(element), count: 0, box: { left: box.left + scrollX, top: box.top + scrollY, width, height } };
}

/** What is read on the element, else what it is. */
function nameOf(element: Element): string {
  const text = (element.getAttribute("aria-label") ?? element.textContent).replace(/\s+/g, " ").trim().slice(0, 60);
  return text || `${element.localName}${element.id ? `#${element.id}` : ""}`;
}
