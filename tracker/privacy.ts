/** Masking: of recorded events, in place, before anything else sees them; and of the texts and addresses in markers. */

import { scrub, scrubUrl, stars } from "./scrub.ts";
import type { RecordedEvent, RecordedNode } from "./recorded-event.ts";
import type { Settings } from "./options.ts";

/** What the nearest marked element around a node asks for. */
type Region = "mask" | "unmask" | undefined;

/** Finds the page's node behind a recorded id. */
export type NodeOf = (id: number) => Node | null;

export interface Privacy {
  /** Masks a recorded event; false where it must not be kept at all. */
  clean: (event: RecordedEvent, nodeOf: NodeOf) => boolean;
  /** Text of an element as a marker may show it; of no element where it is not given. */
  text: (text: string, element?: Element | null) => string;
  url: (url: string) => string;
  /** Text that no visitor sees: error messages and console lines. `addressesOnly` for stacks, whose file names hold long numbers. */
  message: (text: string, addressesOnly?: boolean) => string;
  input: (value: string, element: Element) => string;
  isBlocked: (element: Element) => boolean;
  blockSelector: string;
}

/** Attributes that people read or fill in. */
const TEXT_ATTRIBUTE =
  /^(?:title|alt|placeholder|label|content|summary|srcdoc|value|aria-(?:label|description|valuetext|placeholder|roledescription))$/;
const URL_ATTRIBUTE = /^(?:href|src|srcset|action|formaction|poster|data|cite|background|xlink:href|rr_src)$/;
/** Needed to draw the page, and never text. */
const PLAIN_ATTRIBUTE = /^(?:class|id|style|_cssText|d|points|rr_\w+)$/;
const LINK_TAG = /^(?:a|area|form)$/i;
const FIELD = /^(?:input|textarea|select)$/i;
/** Input types whose value is a label or a key of the site's own. */
const LABEL_TYPE = /^(?:button|submit|reset|image|checkbox|radio)$/;
const ALWAYS_SECRET = /password|cc-|one-time-code/;

/**
 * @throws SyntaxError where one of the site's selectors does not parse
 */
export function createPrivacy(settings: Settings): Privacy {
  const { maskText, maskAllInputs } = settings;
  const typed = maskAllInputs ? "[contenteditable]:not([contenteditable=false])" : undefined;
  const maskSelector = listOf(".wb-mask", settings.maskTextSelector);
  const unmaskSelector = listOf(".wb-unmask", settings.unmaskSelector);
  const blockSelector = listOf(".wb-block", settings.blockSelector);
  const anySelector = listOf(maskSelector, unmaskSelector, typed);

  function regionAt(element: Element, inherited: Region): Region {
    if (!element.matches(anySelector)) return inherited;
    return !element.matches(maskSelector) && element.matches(unmaskSelector) ? "unmask" : "mask";
  }

  function regionOf(node: Node | null): Region {
    for (let at = node; at; at = parentOf(at)) {
      const region = isElement(at) ? regionAt(at, undefined) : undefined;
      if (region) return region;
    }
    return undefined;
  }

  function maskTextIn(text: string, region: Region): string {
    if (region === "unmask" || (maskText === "none" && !region)) return text;
    return region || maskText === "all" ? stars(text) : scrub(text);
  }

  function maskTextOf(node: Node | null, text: string, region: Region): string {
    const parent = node?.parentNode;
    if (parent && isElement(parent) && /^(?:style|script|textarea)$/i.test(parent.tagName)) {
      return parent.tagName.length > 6 ? maskInput(text, parent, region) : text;
    }
    return maskTextIn(text, region);
  }

  function maskUrl(url: string, addressesOnly = false): string {
    return maskText === "none" ? url : scrubUrl(url, addressesOnly);
  }

  function maskInput(value: string, element: Element, region = regionOf(element)): string {
    const type = element.getAttribute("type") ?? "";
    const hints = `${type} ${element.getAttribute("autocomplete") ?? ""}`;
    if (ALWAYS_SECRET.test(hints) || element.hasAttribute("data-rr-is-password")) return "*".repeat(value.length);
    if (LABEL_TYPE.test(type)) return maskTextIn(value, region);
    if (maskAllInputs && region !== "unmask") region = "mask";
    return region === "mask" ? "*".repeat(value.length) : maskTextIn(value, region);
  }

  function maskAttribute(element: Element, name: string, value: string, region: Region): string {
    const tag = element.tagName;
    if (name === "value" && FIELD.test(tag)) return maskInput(value, element, region);
    if (region === "unmask" || PLAIN_ATTRIBUTE.test(name)) return value;
    if (URL_ATTRIBUTE.test(name)) return maskUrl(value, !LINK_TAG.test(tag));
    if (TEXT_ATTRIBUTE.test(name)) return maskTextIn(value, region);
    return maskText === "none" && !region ? value : scrub(value, !/^(?:data|aria)-/.test(name));
  }

  function maskAttributes(element: Element, attributes: Record<string, unknown>, region: Region): void {
    for (const name of Object.keys(attributes)) {
      const value = attributes[name];
      if (typeof value === "string" && value) attributes[name] = maskAttribute(element, name, value, region);
    }
  }

  function maskNode(node: RecordedNode, inherited: Region, nodeOf: NodeOf): void {
    let region = inherited;
    if (node.attributes) {
      const element = nodeOf(node.id);
      if (element && isElement(element)) {
        region = regionAt(element, inherited);
        maskAttributes(element, node.attributes, region);
      }
    } else if (node.type === 3) {
      node.textContent &&= maskTextOf(nodeOf(node.id), node.textContent, region);
    } else if (node.textContent) {
      // Comments draw nothing, and often say more than they should.
      node.textContent = "";
    }
    for (const child of node.childNodes ?? []) maskNode(child, region, nodeOf);
  }

  function isBlocked(start: Node | null): boolean {
    for (let at = start; at; at = parentOf(at)) {
      if (isElement(at) && at.matches(blockSelector)) return true;
    }
    return false;
  }

  return {
    blockSelector,
    isBlocked,
    text: (text, element) => maskTextIn(text, element ? regionOf(element) : undefined),
    url: maskUrl,
    message: (text, addressesOnly) => (maskText === "none" ? text : scrubUrl(text, addressesOnly)),
    input: maskInput,
    clean(event, nodeOf) {
      const data = event.data;
      if (data.href) data.href = maskUrl(data.href);
      if (data.node) maskNode(data.node, undefined, nodeOf);
      for (const { parentId, node } of data.adds ?? []) {
        const parent = nodeOf(parentId);
        // The recorder looks into a blocked iframe (2.1.6); nothing of it may leave.
        if (data.isAttachIframe && isBlocked(parent)) return false;
        maskNode(node, regionOf(parent), nodeOf);
      }
      for (const change of data.texts ?? []) {
        const node = nodeOf(change.id);
        change.value &&= maskTextOf(node, change.value, regionOf(node));
      }
      for (const change of data.attributes ?? []) {
        const element = nodeOf(change.id);
        if (element && isElement(element)) maskAttributes(element, change.attributes, regionOf(element));
      }
      if (data.text) {
        const element = nodeOf(data.id ?? -1);
        if (element && isElement(element)) data.text = maskInput(data.text, element);
      }
      return true;
    },
  };
}

/** Joins selectors and has the browser parse them, so that a bad one is refused at the start. */
function listOf(...selectors: (string | undefined)[]): string {
  const list = selectors.filter(Boolean).join();
  document.createDocumentFragment().querySelector(list);
  return list;
}

/** By number and not by class: elements of an iframe have classes of their own. */
function isElement(node: Node): node is Element {
  return node.nodeType === 1;
}

/** The node around a node, through shadow roots and out of same-origin iframes. */
function parentOf(node: Node): Node | null {
  if (node.parentNode) return node.parentNode;
  if ("host" in node && node.host instanceof Node) return node.host;
  return "defaultView" in node ? ((node as Document).defaultView?.frameElement ?? null) : null;
}
