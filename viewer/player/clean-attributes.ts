/**
 * Attributes of a recorded page, without what has no use in a replay: handlers, addresses that navigate, submit, run or preload, and what
 * takes focus or keys. The sandbox and the content security policy forbid all of that as well; this wall stands by itself.
 */

import { MAX_ATTRIBUTE_CHARACTERS, MAX_ATTRIBUTES } from "./limits.ts";
import { noteHosts } from "./outside-hosts.ts";
import { isRecord } from "./rrweb-events.ts";

/** Names of no use on any element, besides everything that begins with `on`. */
const DROPPED = new Set([
  ...["srcdoc", "action", "formaction", "formtarget", "target", "ping", "http-equiv", "download", "manifest", "is", "sandbox"],
  ...["csp", "allow", "allowfullscreen", "credentialless", "attributionsrc", "browsingtopics", "sharedstoragewritable", "nonce"],
  ...["integrity", "crossorigin", "referrerpolicy", "autofocus", "autoplay", "accesskey", "shadowrootmode", "data", "codebase"],
  ...["archive", "classid", "code", "profile", "longdesc", "imagesrcset", "blocking", "background-src", "popovertarget"],
  ...["commandfor", "command", "interesttarget", "rr_mediastate", "rr_mediacurrenttime", "rr_mediaplaybackrate", "rr_mediamuted"],
  ...["rr_medialoop", "rr_mediavolume", "rr_src", "__proto__", "constructor", "prototype"],
]);

/** What an SVG animation sets and to what: it could set an address. */
const ANIMATED = new Set(["attributename", "to", "from", "by", "values"]);

/** Attributes that hold an address, or several. */
const ADDRESSES = new Set(["href", "xlink:href", "src", "srcset", "poster", "background", "lowsrc", "dynsrc", "cite"]);
/** Those of them that an element would load by itself; links are followed by nobody in a replay. */
const LOADED = new Set(["src", "srcset", "poster", "background", "style", "_csstext", "fill", "filter", "mask", "cursor"]);

/** Schemes that run or hold a page. White space and control characters in between are ignored by browsers, so they are here. */
const BAD_SCHEME =
  /^(?:javascript|vbscript|livescript|data:(?!image\/|font\/|application\/(?:x-)?font|text\/css)|filesystem|blob:null)/i;

/**
 * Names that would hide a property of the form or the document they are in, so that whoever works with the node falls over (rrweb loses a
 * page to a field that is called `tagName`).
 */
const CLOBBERING = new Set([
  ...["tagName", "nodeName", "nodeType", "nodeValue", "parentNode", "parentElement", "childNodes", "children", "firstChild"],
  ...["lastChild", "nextSibling", "previousSibling", "attributes", "setAttribute", "setAttributeNS", "removeAttribute"],
  ...["getAttribute", "hasAttribute", "appendChild", "insertBefore", "removeChild", "replaceChild", "remove", "contains"],
  ...["ownerDocument", "isConnected", "shadowRoot", "attachShadow", "getRootNode", "hasChildNodes", "textContent", "innerHTML"],
  ...["classList", "style", "sheet", "querySelector", "querySelectorAll", "getElementsByTagName", "dispatchEvent", "click"],
  ...["addEventListener", "removeEventListener", "cloneNode", "scrollTo", "scrollTop", "scrollLeft", "focus", "blur", "host"],
  ...[
    "getBoundingClientRect",
    "namespaceURI",
    "localName",
    "matches",
    "closest",
    "body",
    "head",
    "documentElement",
    "defaultView",
  ],
  ...[
    "implementation",
    "createElement",
    "createElementNS",
    "createTextNode",
    "createComment",
    "open",
    "close",
    "write",
    "doctype",
  ],
  ...[
    "adoptedStyleSheets",
    "styleSheets",
    "fonts",
    "getElementById",
    "cookie",
    "domain",
    "location",
    "getSelection",
    "createRange",
  ],
  ...["contentWindow", "contentDocument", "toString", "valueOf", "hasOwnProperty", "constructor", "__proto__"],
]);

/** A value that rrweb takes: text, a number, a switch, nothing, or (for `style`) declarations. */
export type CleanValue = string | number | boolean | null | Record<string, string | false | [string, string]>;

/**
 * The attributes of an element, cleaned.
 * @param tagName in lower case; null where it is not known, as in a change of attributes
 * @param hosts gets the origins of what the element would load
 */
export function cleanAttributes(attributes: unknown, tagName: string | null, hosts: Set<string>): Record<string, CleanValue> {
  const clean: Record<string, CleanValue> = {};
  if (!isRecord(attributes)) return clean;
  let left = MAX_ATTRIBUTES;
  for (const [name, value] of Object.entries(attributes)) {
    if (left-- === 0) break;
    const kept = cleanValue(name, value, tagName);
    if (kept === undefined) continue;
    clean[name] = kept;
    noteLoaded(name, kept, tagName, hosts);
  }
  return clean;
}

/** An address that would not run anything; an empty one for every other. */
export function toQuietAddress(address: string): string {
  return BAD_SCHEME.test(address.replace(/[\p{Cc}\p{Cf}\p{Z}]/gu, "")) ? "" : address;
}

function cleanValue(name: string, value: unknown, tagName: string | null): CleanValue | undefined {
  const lower = name.toLowerCase();
  if (DROPPED.has(lower) || lower.startsWith("on") || isDroppedOn(tagName, lower)) return undefined;
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string") return lower === "style" ? cleanDeclarations(value) : undefined;
  if (value.length > MAX_ATTRIBUTE_CHARACTERS) return undefined;
  if (lower === "rr_dataurl") return value.startsWith("data:image/") ? value : undefined;
  if ((lower === "name" || lower === "id") && CLOBBERING.has(value)) return `wb-${value}`;
  if (lower === "rel") return /^\s*(alternate\s+)?stylesheet\s*$/i.test(value) ? value : undefined;
  return ADDRESSES.has(lower) ? toQuietAddress(value) : value;
}

/** What has no use on some elements: frames and media are never loaded, metas say nothing, animations set no address. */
function isDroppedOn(tagName: string | null, name: string): boolean {
  switch (tagName) {
    case "iframe":
    case "video":
    case "audio":
    case "source:media":
    case "track":
      return name === "src" || name === "srcset";
    case "link":
      return name === "as" || name === "imagesizes";
    case "script":
    case "base":
      return true;
    case "meta":
      return name !== "charset";
    case "animate":
    case "set":
    case "animatemotion":
    case "animatetransform":
    case "animatecolor":
    case "discard":
      return ANIMATED.has(name) || name === "href" || name === "xlink:href";
    case null:
      return name === "attributename";
    default:
      return false;
  }
}

function cleanDeclarations(value: unknown): CleanValue | undefined {
  if (!isRecord(value) || Array.isArray(value)) return undefined;
  const clean: Record<string, string | false | [string, string]> = {};
  for (const [property, setting] of Object.entries(value).slice(0, MAX_ATTRIBUTES)) {
    if (property === "__proto__") continue;
    if (setting === false || typeof setting === "string") clean[property] = setting;
    else if (Array.isArray(setting)) clean[property] = [toText(setting[0]), setting[1] === "important" ? "important" : ""];
  }
  return clean;
}

function noteLoaded(name: string, value: CleanValue, tagName: string | null, hosts: Set<string>): void {
  const lower = name.toLowerCase();
  const isLoaded = LOADED.has(lower) || (lower.endsWith("href") && tagName !== null && LOADS_BY_HREF.has(tagName));
  if (!isLoaded) return;
  if (typeof value === "string") noteHosts(value, hosts);
  else if (typeof value === "object" && value !== null)
    for (const setting of Object.values(value)) if (setting !== false) noteHosts(String(setting), hosts);
}

/** Whether a link loads anything is said by its other attributes. */
const LOADS_BY_HREF = new Set(["image", "feimage", "use"]);

function toText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
