/**
 * What an agent never touches, whatever he was granted and whatever he sends: what the recording hides from him, and fields that take
 * secrets or files. Looked at in the page, at the moment of the deed.
 */

import type { AssistFeed } from "../modules.ts";

/** Fields whose content is nobody's but the visitor's, even where the page shows it. */
const SECRET = /password|\bcc-|one-time-code/i;
const FIELD = /^(?:input|textarea|select)$/i;
/** What is in them is told by its own elements, where it is recorded at all. */
const FRAME = /^(?:i?frame|object|embed)$/i;
/** Fields that are pressed, not filled in: what is masked of the others is masked because a visitor typed it. */
const PRESSED = /^(?:button|submit|reset|image|checkbox|radio)$/;

/** Says why an element must not be touched; null where it may be. */
export type OffLimits = (element: Element) => string | null;

/**
 * @param ours the element that holds what we draw: nobody presses the visitor's own buttons
 */
export function createOffLimits({ privacy, settings }: AssistFeed, ours: Element): OffLimits {
  const typed = settings.maskAllInputs ? "[contenteditable]:not([contenteditable=false])" : "";
  const maskSelector = [".wb-mask", settings.maskTextSelector].filter(Boolean).join();
  const anySelector = [maskSelector, ".wb-unmask", settings.unmaskSelector, typed].filter(Boolean).join();
  const unmaskSelector = [".wb-unmask", settings.unmaskSelector].filter(Boolean).join();

  /** The nearest element around it that is marked decides, as in the recording. */
  function isMasked(start: Element): boolean {
    for (let at: Node | null = start; at; at = around(at)) {
      if ("designMode" in at && at.designMode === "on" && settings.maskAllInputs) return true;
      if (!isElement(at) || !at.matches(anySelector)) continue;
      return at.matches(maskSelector) || !at.matches(unmaskSelector);
    }
    return false;
  }

  function check(element: Element): string | null {
    if (element === ours) return "This belongs to the visitor alone";
    if (privacy.isBlocked(element)) return "This part of the page is hidden from you";
    if (isMasked(element)) return "This part of the page is masked";
    if (FRAME.test(element.tagName)) return "What is in this frame belongs to the visitor alone";
    if (!FIELD.test(element.tagName)) return null;
    const type = (element.getAttribute("type") ?? "").toLowerCase();
    if (type === "file") return "Files are chosen by the visitor alone";
    if (SECRET.test(`${type} ${element.getAttribute("autocomplete") ?? ""}`) || element.hasAttribute("data-rr-is-password"))
      return "This field is secret";
    return !PRESSED.test(type) && privacy.input("x", element) !== "x" ? "What is typed here is hidden from you" : null;
  }

  return (element) => {
    let why = check(element);
    for (let at: Node | null = element; at && why === null; at = around(at)) {
      if (!isElement(at)) continue;
      // Whoever presses a label, or a choice in a list, presses the field.
      const field = at.localName === "select" ? at : at.localName === "label" ? (at as HTMLLabelElement).control : null;
      if (field) why = check(field);
    }
    return why;
  };
}

/** By number and not by class: elements of a frame have classes of their own. */
export function isElement(node: Node): node is Element {
  return node.nodeType === 1;
}

/** The node around a node, through shadow roots and out of frames of the same origin. */
export function around(node: Node): Node | null {
  if (node.parentNode) return node.parentNode;
  if (node.nodeType === 11 && "host" in node) return node.host as Node;
  return "defaultView" in node ? ((node as Document).defaultView?.frameElement ?? null) : null;
}
