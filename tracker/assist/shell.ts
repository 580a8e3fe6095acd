/** The one element of ours in the page: closed to the page's scripts, over everything else, and heard by nobody when it is used. */

import type { Host } from "../host.ts";
import { STYLE } from "./styles.ts";

/** Where everything that we draw is. */
export interface Shell {
  element: HTMLElement;
  root: ShadowRoot;
  /** Puts it into the page, if it is not there. */
  show: () => void;
  /** Takes it out. */
  hide: () => void;
}

/** What a page may listen for; nothing of it gets out of our buttons. */
const EVENTS = [
  ...["click", "dblclick", "auxclick", "contextmenu", "mousedown", "mouseup", "mousemove", "mouseover", "mouseout", "wheel"],
  ...["pointerdown", "pointerup", "pointermove", "pointerover", "pointerout", "touchstart", "touchend", "touchmove"],
  ...["keydown", "keyup", "keypress", "beforeinput", "input", "change", "paste", "copy", "cut", "focusin", "focusout", "submit"],
];
/** How often it is looked whether the page has taken it out, or opened a dialog over it, under which nothing else can be pressed. */
const LOOK_MS = 700;

/** Makes it, out of sight. */
export function createShell(host: Host): Shell {
  const element = document.createElement("div");
  // Not a part of what is recorded.
  element.className = "wb-block wb-assist";
  const root = element.attachShadow({ mode: "closed" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  for (const type of EVENTS) element.addEventListener(type, (event) => event.stopPropagation());
  let cancel: (() => void) | undefined;

  function keep(): void {
    cancel = host.after(LOOK_MS, keep);
    const dialog = [...document.querySelectorAll("dialog:modal")].at(-1);
    const place = dialog ?? document.documentElement;
    if (element.parentNode !== place) place.append(element);
  }

  return {
    element,
    root,
    show() {
      if (!cancel) keep();
    },
    hide() {
      cancel?.();
      cancel = undefined;
      element.remove();
    },
  };
}

/** Makes an element in a parent, with text that stays text. */
export function add<K extends keyof HTMLElementTagNameMap>(
  parent: Node,
  name: K,
  className = "",
  text = "",
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  parent.appendChild(element);
  return element;
}
