/** What a person would call an element, and where on it, and on the page, a click was. */

import type { Facts } from "../options.ts";
import type { Privacy } from "../privacy.ts";

const MAX_LABEL = 80;
const MAX_PATH = 400;
/** Elements that are clicked, rather than what is in them. */
const CLICKABLE = "a,button,input,select,textarea,label,summary,option,[role],[onclick]";
/** Ids with digits in them are often made anew with each page load. */
const LASTING_ID = /^[a-z_-]{1,40}$/i;

/** A short name and the label of the element that was meant; never what was typed into it. */
export function describe(privacy: Privacy, target: Element): { name: string; text: string } {
  const element = target.closest(CLICKABLE) ?? target;
  const name = element.localName + (element.id ? `#${element.id}` : "");
  const text = privacy.isBlocked(element) ? "" : labelOf(privacy, element);
  return { name: privacy.text(name), text: text.replace(/\s+/g, " ").trim().slice(0, MAX_LABEL) };
}

function labelOf(privacy: Privacy, element: Element): string {
  for (const name of ["aria-label", "title", "alt", "placeholder", "name"]) {
    const label = element.getAttribute(name);
    if (label) return privacy.text(label, element);
  }
  let text = "";
  if (/^(?:input|select|textarea|form)$/.test(element.localName) || element.closest("[contenteditable]")) return text;
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  // Each piece by the rules of the element it stands in.
  for (let node = walker.nextNode(); node && text.length < 2 * MAX_LABEL; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (parent && !privacy.isBlocked(parent)) text += privacy.text(node.nodeValue ?? "", parent);
  }
  return text;
}

/**
 * The element's place in the page, and the click's share of its width and height, so that it can be drawn at any width. `path` goes down from
 * the body or from the nearest element with a lasting id: names of elements, and which of those beside it with that name it is, where it is
 * not the first (`#menu>li:3>a`). Nothing of what is blocked.
 */
export function placeOn(privacy: Privacy, target: Element, x: number, y: number): Facts {
  let path = "";
  for (let at: Element | null = target; at && at !== document.body; at = at.parentElement) {
    if (LASTING_ID.test(at.id)) {
      path = `>#${at.id}${path}`;
      break;
    }
    let nth = 1;
    for (let before = at.previousElementSibling; before; before = before.previousElementSibling)
      if (before.localName === at.localName) nth++;
    path = `>${at.localName}${nth > 1 ? `:${nth}` : ""}${path}`;
  }
  if (path.length > MAX_PATH || privacy.isBlocked(target)) return {};
  const { left, top, width, height } = target.getBoundingClientRect();
  const share = (distance: number, size: number): number => Math.round((1_000 * distance) / (size || 1)) / 1_000;
  return { path: path.slice(1), ex: share(x - left, width), ey: share(y - top, height) };
}
