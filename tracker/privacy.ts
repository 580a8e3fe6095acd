/** Masking: of recorded events, in place, before anything else sees them; and of the texts and addresses in markers. */

import { scrub, scrubCss, scrubUrl, SECRET_ATTRIBUTE, starParameters, stars } from "./scrub.ts";
import type { RecordedEvent, RecordedNode, Styles } from "./recorded-event.ts";
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
  /** Text that no visitor sees: error messages. `isStack` for stacks, whose file names hold long numbers. */
  message: (text: string, isStack?: boolean) => string;
  input: (value: string, element: Element) => string;
  isBlocked: (element: Element) => boolean;
  blockSelector: string;
}

/** Attributes that people read or fill in. */
const TEXT_ATTRIBUTE =
  /^(?:title|alt|placeholder|label|content|summary|value|aria-(?:label|description|valuetext|placeholder|roledescription))$/;
const URL_ATTRIBUTE = /^(?:href|src|(?:image)?srcset|action|formaction|poster|data|cite|background|xlink:href|rr_src|ping)$/;
/** The page's own words, by which styles and scripts find elements: only what is surely private goes. */
const NAME_ATTRIBUTE =
  /^(?:class|id|name|for|type|role|rel|lang|dir|is|slot|part|media|sizes|http-equiv|property|charset|method|target|align|valign|color|bgcolor|width|height|autocomplete|inputmode|pattern|contenteditable|tabindex|list|form|headers|scope|kind|wrap|face|aria-(?:controls|owns|labelledby|describedby|haspopup|live)|xmlns.*|rr_.*)$/;
/** Values that say how a thing looks, not whose it is. */
const STATE_VALUE =
  /^(?:true|false|mixed|open(?:ed)?|closed?|on|off|yes|no|none|auto|(?:in)?active|(?:un)?checked|selected|disabled|visible|hidden|horizontal|vertical|top|right|bottom|left|start|end|center|light|dark|-?[\d.]{1,4}(?:%|px|r?em)?)$/;
const LINK_TAG = /^(?:a|area|form)$/i;
const FIELD = /^(?:input|textarea|select)$/i;
/** Elements that stand in the midst of a line. */
const INLINE = /^(?:a|abbr|b|bdi|bdo|code|em|font|i|label|mark|s|small|span|strong|sub|sup|tt|u|wbr)$/i;
/** So much of the neighbours of a text is looked at, on either side. */
const BESIDE_CHARS = 64;
/** Input types whose value is a label or a key of the site's own. */
const LABEL_TYPE = /^(?:button|submit|reset|image|checkbox|radio)$/;
const ALWAYS_SECRET = /password|cc-|one-time-code/;

/**
 * @throws SyntaxError where one of the site's selectors does not parse
 */
export function createPrivacy(settings: Settings): Privacy {
  const { maskText, maskAllInputs } = settings;
  const isAll = maskText === "all";
  const typed = maskAllInputs ? "[contenteditable]:not([contenteditable=false])" : undefined;
  const maskSelector = listOf(".wb-mask", settings.maskTextSelector);
  const unmaskSelector = listOf(".wb-unmask", settings.unmaskSelector);
  const blockSelector = listOf(".wb-block", settings.blockSelector);
  const anySelector = listOf(maskSelector, unmaskSelector, typed);
  /** A password stays one when a page shows it. */
  const secretFields = new WeakSet<Element>();

  function regionAt(node: Node, inherited: Region): Region {
    // A frame in which everything can be written.
    if ("designMode" in node && node.designMode === "on" && maskAllInputs) return "mask";
    if (!isElement(node) || !node.matches(anySelector)) return inherited;
    return !node.matches(maskSelector) && node.matches(unmaskSelector) ? "unmask" : "mask";
  }

  function regionOf(node: Node | null): Region {
    for (let at = node; at; at = parentOf(at)) {
      const region = regionAt(at, undefined);
      if (region) return region;
    }
    return undefined;
  }

  function isShown(region: Region): boolean {
    return region === "unmask" || (maskText === "none" && !region);
  }

  function maskTextIn(text: string, region: Region): string {
    if (isShown(region)) return text;
    return region || isAll ? stars(text) : scrub(text);
  }

  function maskTextOf(node: Node | null, text: string, region: Region): string {
    const parent = node?.parentNode;
    const tag = parent && isElement(parent) ? parent.tagName.toLowerCase() : "";
    // Comments and what is for machines draw nothing, and often say more than they should.
    if ((node && node.nodeType !== 3) || /^(?:no)?script$/.test(tag)) return "";
    if (tag === "style") return maskCss(text, region);
    if (tag === "textarea" && parent) return maskInput(text, parent as Element, region);
    if (node && !region && maskText === "sensitive") {
      const before = beside(node, "previousSibling");
      const joined = before + text + beside(node, "nextSibling");
      if (joined !== text) text = scrub(joined, true).slice(before.length, before.length + text.length);
    }
    return maskTextIn(text, region);
  }

  function maskCss(css: string, region: Region): string {
    return isShown(region) ? css : scrubCss(css, isAll || !!region);
  }

  /** Property by property, as the recorder gives changes of a style. */
  function maskStyles(styles: Styles, region: Region): void {
    for (const [name, value] of Object.entries(styles)) {
      const mask = (css: string): string => maskCss(`${name}:${css}`, region).slice(name.length + 1);
      if (typeof value === "string") styles[name] = mask(value);
      else if (Array.isArray(value)) styles[name] = [mask(value[0]), value[1]];
    }
  }

  function maskUrl(url: string, isFile = false): string {
    if (maskText === "none") return url;
    if (!isAll) return scrubUrl(url, isFile);
    // Of the page's address the path stays.
    return /^data:/.test(url) ? scrubUrl(url) : starParameters(scrub(url));
  }

  function maskInput(value: string, element: Element, region = regionOf(element)): string {
    const type = element.getAttribute("type") ?? "";
    if (ALWAYS_SECRET.test(`${type} ${element.getAttribute("autocomplete") ?? ""}`)) secretFields.add(element);
    if (secretFields.has(element) || element.hasAttribute("data-rr-is-password")) return "*".repeat(value.length);
    if (LABEL_TYPE.test(type)) return maskTextIn(value, region);
    if (maskAllInputs && region !== "unmask") region = "mask";
    return region === "mask" ? "*".repeat(value.length) : maskTextIn(value, region);
  }

  function maskAttribute(element: Element, name: string, value: string, region: Region): string | undefined {
    const tag = element.tagName;
    // What it draws is recorded as the document that it is.
    if (name === "srcdoc") return undefined;
    if (name === "value" && FIELD.test(tag)) return maskInput(value, element, region);
    if (name === "type" && FIELD.test(tag)) maskInput("", element, region);
    if (isShown(region)) return value;
    if (/^(?:style|_cssText)$/.test(name)) return maskCss(value, region);
    if (URL_ATTRIBUTE.test(name)) return maskUrl(value, !LINK_TAG.test(tag));
    if (TEXT_ATTRIBUTE.test(name)) return maskTextIn(value, region);
    const isDrawn = "ownerSVGElement" in element && !/^(?:data|aria)-/.test(name);
    if (isDrawn || NAME_ATTRIBUTE.test(name)) return scrub(value, true);
    if (STATE_VALUE.test(value)) return value;
    return SECRET_ATTRIBUTE.test(name) ? stars(value) : maskTextIn(value, region);
  }

  function maskAttributes(element: Element, attributes: Record<string, unknown>, region: Region): void {
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "string" && value) attributes[name] = maskAttribute(element, name, value, region);
      else if (name === "style" && value) maskStyles(value as Styles, region);
    }
  }

  function maskNode(node: RecordedNode, inherited: Region, nodeOf: NodeOf): void {
    let region = inherited;
    const here = nodeOf(node.id);
    if (node.attributes) {
      if (here && isElement(here)) {
        region = regionAt(here, inherited);
        maskAttributes(here, node.attributes, region);
      }
    } else if (node.textContent) node.textContent = maskTextOf(here, node.textContent, region);
    else if (here) region = regionAt(here, inherited);
    for (const child of node.childNodes ?? []) maskNode(child, region, nodeOf);
  }

  function isBlocked(start: Node | null): boolean {
    for (let at = start; at; at = parentOf(at)) {
      if (isElement(at) && at.matches(blockSelector)) return true;
    }
    return false;
  }

  function maskRules(rules: { rule?: string }[] | undefined): void {
    for (const one of rules ?? []) if (one.rule) one.rule = maskCss(one.rule, undefined);
  }

  return {
    blockSelector,
    isBlocked,
    text: (text, element) => maskTextIn(text, element ? regionOf(element) : undefined),
    url: maskUrl,
    message(text, isStack) {
      if (maskText === "none") return text;
      const masked = scrubUrl(text, isStack);
      // What stands in quotes is often what a visitor gave.
      return isAll && !isStack ? masked.replace(/(["'`])(?:(?!\1)[^])+\1/g, stars) : masked;
    },
    input: maskInput,
    clean(event, nodeOf) {
      const data = event.data;
      if (data.href) data.href = maskUrl(data.href);
      if (data.node) maskNode(data.node, undefined, nodeOf);
      for (const { parentId, node } of data.adds ?? []) {
        if (!node || parentId === undefined) continue;
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
      // Changes of style sheets, by rule, as a whole, and by property.
      maskRules(data.adds);
      for (const { rules } of data.styles ?? []) maskRules(rules);
      for (const name of ["replace", "replaceSync"] as const) {
        const css = data[name];
        if (css) data[name] = maskCss(css, undefined);
      }
      const { set } = data;
      if (set?.value) set.value = maskCss(`${set.property}:${set.value}`, undefined).slice(set.property.length + 1);
      return true;
    },
  };
}

/** The text right before or behind a text, as far as nothing but inline elements lies between them. */
function beside(start: Node, step: "previousSibling" | "nextSibling"): string {
  const isBehind = step === "nextSibling";
  let text = "";
  let at = start;
  while (text.length < BESIDE_CHARS) {
    const next = at[step];
    if (next) {
      if (next.nodeType !== 3 && !INLINE.test(next.nodeName)) break;
      const piece = next.textContent ?? "";
      text = isBehind ? text + piece : piece + text;
      at = next;
    } else {
      if (!at.parentNode || !INLINE.test(at.parentNode.nodeName)) break;
      at = at.parentNode;
    }
  }
  return isBehind ? text.slice(0, BESIDE_CHARS) : text.slice(-BESIDE_CHARS);
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

/** The node around a node, through shadow roots (by number: those of an iframe have a class of their own) and out of same-origin iframes. */
function parentOf(node: Node): Node | null {
  if (node.parentNode) return node.parentNode;
  if (node.nodeType === 11 && "host" in node) return node.host as Node;
  return "defaultView" in node ? ((node as Document).defaultView?.frameElement ?? null) : null;
}
