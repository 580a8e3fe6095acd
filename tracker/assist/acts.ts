/** Remote control: what an agent was let do, done as if the visitor did it, as far as a page can tell. */

import type { AssistAction } from "../../protocol/assist.ts";
import { isWritable, press, pressKey, typeText } from "./keys.ts";
import { around, isElement, type OffLimits } from "./off-limits.ts";

export type Deed = Extract<AssistAction, { kind: "click" | "scroll" | "type" | "key" }>;

/** What can be focused, in the order of the page. Not a frame: what has the focus in there is not for us to say. */
const FOCUSABLE = "a[href],button,input,select,textarea,summary,[tabindex],[contenteditable]:not([contenteditable=false])";

export interface ActsDeps {
  getNode: (id: number) => Node | null;
  whyNot: OffLimits;
  /** The element that holds what we draw; it lies over the page and is looked through. */
  ours: Element;
}

/** Does a deed; returns why not where it was refused, and null where it is done. */
export type Perform = (deed: Deed) => string | null;

/** The hands of agents in this page. */
export function createActs({ getNode, whyNot, ours }: ActsDeps): Perform {
  function find(id: number): Element | string {
    const node = getNode(id);
    const element = node && (isElement(node) ? node : node.parentElement);
    if (!element?.isConnected) return "This is not in the page any more";
    return whyNot(element) ?? element;
  }

  function click(element: Element, shareX: number, shareY: number): string | null {
    if (isDisabled(element)) return "This cannot be pressed now";
    let box = element.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) return "This is not shown";
    if (!isInView(element, box)) {
      element.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
      box = element.getBoundingClientRect();
    }
    const place = {
      x: box.left + box.width * Math.min(Math.max(shareX, 0.001), 0.999),
      y: box.top + box.height * Math.min(Math.max(shareY, 0.001), 0.999),
    };
    const target = hit(element, place.x, place.y);
    if (!target) return "Something else lies over it";
    const why = whyNot(target);
    if (why !== null) return why;
    press(target, place, focusableAt(target));
    return null;
  }

  /** What the visitor would press at this place: the element, something in it, or nothing where another one lies over it. */
  function hit(element: Element, x: number, y: number): Element | null {
    const root = element.getRootNode();
    if (!("elementsFromPoint" in root)) return element;
    const top = (root as Document | ShadowRoot).elementsFromPoint(x, y).find((one) => one !== ours);
    if (!top || top.contains(element)) return top && top !== element && !isThrough(element) ? null : element;
    return element.contains(top) ? top : null;
  }

  function type(element: Element, text: string): string | null {
    if (isDisabled(element) || element.matches("[readonly]")) return "This cannot be changed now";
    if (!isEditable(element)) return "Nothing can be typed here";
    const editor = editorAround(element);
    return whyNotInside(editor) ?? (typeText(editor as HTMLElement, text) ? null : "The page did not take it");
  }

  /** The browser writes where the caret is, and takes away what is beside it: an editor is free as a whole, or not at all. */
  function whyNotInside(element: Element): string | null {
    if (!isWritable(element)) return null;
    for (const inner of element.querySelectorAll("*")) {
      const why = whyNot(inner);
      if (why !== null) return why;
    }
    return null;
  }

  function key(name: Extract<Deed, { kind: "key" }>["key"]): string | null {
    const active = activeElement();
    const why = active ? (whyNot(active) ?? whyNotInside(active)) : null;
    if (why !== null && name !== "Tab") return why;
    if (name === "Tab") {
      const next = nextFocus(active);
      // Nothing is told to a field that is off limits, not even that its key was pressed.
      if (active && why === null && !pressKey(active, name, isFree)) return null;
      next?.focus();
      return null;
    }
    pressKey(active ?? document.body, name, isFree);
    return null;
  }

  function isFree(element: Element): boolean {
    return whyNot(element) === null;
  }

  function nextFocus(active: Element | null): HTMLElement | null {
    const all = [...document.querySelectorAll<HTMLElement>(FOCUSABLE)].filter(
      (one) => one.tabIndex >= 0 && !isDisabled(one) && one.getClientRects().length > 0 && isFree(one),
    );
    const after = active
      ? all.findIndex((one) => (active.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0)
      : 0;
    return all[after] ?? all[0] ?? null;
  }

  return (deed) => {
    if (deed.kind === "key") return key(deed.key);
    if (deed.kind === "scroll" && deed.node === null) {
      scrollTo({ left: deed.x, top: deed.y, behavior: "instant" });
      return null;
    }
    const element = find(deed.node ?? 0);
    if (typeof element === "string") return element;
    if (deed.kind === "click") return click(element, deed.x, deed.y);
    if (deed.kind === "type") return type(element, deed.text);
    element.scrollTo({ left: deed.x, top: deed.y, behavior: "instant" });
    return null;
  };
}

/** The element that has the focus, inside of shadow roots and frames. */
export function activeElement(): Element | null {
  let active = document.activeElement;
  for (;;) {
    const inner: Element | null | undefined = active?.shadowRoot?.activeElement ?? frameOf(active)?.activeElement;
    if (!inner || inner === active) return active;
    active = inner;
  }
}

function frameOf(element: Element | null): Document | null {
  try {
    return element && "contentDocument" in element ? (element.contentDocument as Document | null) : null;
  } catch {
    return null;
  }
}

function isEditable(element: Element): boolean {
  if (/^textarea$/i.test(element.tagName)) return true;
  if (/^input$/i.test(element.tagName))
    return !/^(?:button|submit|reset|image|checkbox|radio|file|range|color|hidden)$/.test(element.getAttribute("type") ?? "");
  return isWritable(element);
}

/** The whole of what can be written in, where this is a part of it: that is what has the focus. */
function editorAround(element: Element): Element {
  let editor = element;
  for (let at: Element | null = element; at && isWritable(at); at = at.parentElement) editor = at;
  return editor;
}

function isDisabled(element: Element): boolean {
  return element.matches(":disabled");
}

/** Elements that let the pointer through are pressed by what lies behind them. */
function isThrough(element: Element): boolean {
  return getComputedStyle(element).pointerEvents === "none";
}

function isInView(element: Element, box: DOMRect): boolean {
  const view = element.ownerDocument.defaultView ?? window;
  return box.top >= 0 && box.left >= 0 && box.bottom <= view.innerHeight && box.right <= view.innerWidth;
}

/** The nearest element around it that takes the focus when it is pressed. */
function focusableAt(element: Element): HTMLElement | null {
  for (let at: Node | null = element; at; at = around(at)) if (isElement(at) && at.matches(FOCUSABLE)) return at as HTMLElement;
  return null;
}
