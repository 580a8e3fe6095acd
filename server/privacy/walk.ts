/**
 * Goes through any value that came as JSON, rrweb events included, and hands every text to a visitor together with what it knows of its
 * place. Iterative, so that no depth overflows a stack; what lies deeper than a message may be is cut off.
 */

import { MAX_DEPTH } from "../../protocol/limits.ts";
import { RRWEB } from "../../protocol/rrweb-event.ts";
import type { Mode } from "./find-secrets.ts";
import { judgeName, mayMatter, type NameRules } from "./key-names.ts";
import { isMasked } from "./pairs.ts";

/** What is done with what is found. */
export interface Visitor {
  readonly names: NameRules;
  /** What takes the place of a text or of a large whole number (given as text). The same text leaves it as it is. */
  text(text: string, mode: Mode, place: string): string;
  /** What takes the place of a value whose name speaks of a secret. */
  named(value: unknown, name: string, place: string): unknown;
  /** True once it has seen enough: the walk ends. */
  isSpent?(): boolean;
}

/** Where in an event a value is; decides how its texts are read. */
interface Context {
  /** Of an rrweb snapshot or mutation, whose keys are known. */
  isDom: boolean;
  isStyle: boolean;
  /** Words for people: `text`, `attribute href`, `input`, `console`. */
  place: string;
  /** Add the names on the way to `place`. */
  isOpen: boolean;
}

type Fields = Record<string, unknown>;

interface Step {
  holder: object;
  context: Context;
  depth: number;
}

const SOURCE_INPUT = 5;
/** Keys of rrweb's DOM events that hold style, and those that hold figures or bytes. */
const STYLE_KEYS = new Set([
  "_cssText",
  "cssText",
  "rule",
  "style",
  "class",
  "id",
  "replace",
  "replaceSync",
  "fontSource",
  "property",
]);
const DEAD_KEYS = new Set([
  "d",
  "points",
  "transform",
  "viewBox",
  "rr_dataURL",
  "base64",
  "buffer",
  "tagName",
  "publicId",
  "systemId",
]);
/** Pictures and the like in an address. */
const BYTES_ADDRESS = /^data:(?:image|font|audio|video|application\/(?:font|octet|x-font|wasm))[^,]{0,100};base64,/i;
/** Objects that say a name beside its value: headers of a HAR file, fields of a form. */
const NAME_KEYS = ["name", "key", "header", "field", "property", "http-equiv"] as const;
const VALUE_KEYS = ["value", "content", "val"] as const;
/** Names of keys longer than this may be values themselves (`{"ada@example.com": true}`). */
const MIN_KEY = 9;
/** Whole numbers from here on may be card numbers. */
const MIN_CARD = 1e12;

const OPEN: Omit<Context, "place"> = { isDom: false, isStyle: false, isOpen: true };

/** Goes through any value; objects are changed in place. Returns what takes the value's place. */
export function walkValue(value: unknown, place: string, visitor: Visitor): unknown {
  const holder = [value];
  run({ holder, context: { ...OPEN, place }, depth: 0 }, visitor);
  return holder[0];
}

/** Goes through an rrweb event and changes it in place. */
export function walkEvent(event: { type: number; data?: unknown }, visitor: Visitor): void {
  const { data } = event;
  if (typeof data !== "object" || data === null) return;
  run({ holder: data, context: contextOf(event.type, data), depth: 0 }, visitor);
}

const TEXT: Context = { isDom: true, isStyle: false, isOpen: false, place: "text" };
const STYLE_TEXT: Context = { ...TEXT, isStyle: true };
const ATTRIBUTES: Context = { ...TEXT, place: "attribute" };
const STYLE_ATTRIBUTES: Context = { ...ATTRIBUTES, isStyle: true };

function contextOf(type: number, data: object): Context {
  if (type === RRWEB.fullSnapshot || type === RRWEB.incremental) {
    const isInput = "source" in data && data.source === SOURCE_INPUT;
    return isInput ? { ...TEXT, place: "input" } : TEXT;
  }
  if (type === RRWEB.meta) return { ...OPEN, isOpen: false, place: "url" };
  if ("tag" in data && typeof data.tag === "string") return { ...OPEN, place: `custom ${data.tag.slice(0, 40)}` };
  if ("plugin" in data && typeof data.plugin === "string")
    return { ...OPEN, place: data.plugin.replace(/^rrweb\/|@.*$/g, "").slice(0, 40) };
  return { ...OPEN, place: "event" };
}

function run(first: Step, visitor: Visitor): void {
  const steps: Step[] = [first];
  for (let step = steps.pop(); step && !visitor.isSpent?.(); step = steps.pop()) {
    if (Array.isArray(step.holder)) walkArray(step.holder, step, visitor, steps);
    else if (isFields(step.holder)) walkObject(step.holder, step, visitor, steps);
  }
}

function walkArray(holder: unknown[], step: Step, visitor: Visitor, steps: Step[]): void {
  const [name, value] = holder;
  const isHidden = holder.length === 2 && isName(name) && isSecretPair(visitor, name, value);
  if (isHidden) holder[1] = visitor.named(value, name, step.context.place);
  for (let i = 0; i < (isHidden ? 1 : holder.length); i++) {
    const item = visit(holder[i], "", step.context, step.depth, visitor, steps);
    if (item !== holder[i]) holder[i] = item;
  }
}

function walkObject(holder: Fields, step: Step, visitor: Visitor, steps: Step[]): void {
  const name = VALUE_KEYS.some((key) => key in holder) ? NAME_KEYS.map((key) => holder[key]).find(isName) : undefined;
  for (const key of Object.keys(holder)) {
    if (key === "__proto__") {
      Reflect.deleteProperty(holder, key);
      continue;
    }
    const value = holder[key];
    const isText = typeof value === "string";
    // Most of what is in an event: figures, and the names that rrweb gives to them.
    if (step.context.isDom && !isText && typeof value !== "object" && typeof value !== "number") continue;
    const context = inside(step.context, key, holder);
    if (context === null) continue;
    let next: unknown;
    const isYesOrNo = typeof value === "boolean" || value === null;
    const verdict = !isYesOrNo && mayMatter(visitor.names, key) ? judgeName(visitor.names, key, textOf(value)) : "plain";
    if (verdict === "allowed") continue;
    if (verdict === "secret" && !isHarmless(value)) next = visitor.named(value, key, placeOf(context, key));
    else if (name !== undefined && isValueKey(key) && isSecretPair(visitor, name, value))
      next = visitor.named(value, name, placeOf(context, key));
    else next = visit(value, key, context, step.depth, visitor, steps);
    const cleanKey = key.length < MIN_KEY || context.isDom ? key : visitor.text(key, "text", placeOf(context, key));
    if (cleanKey !== key) {
      Reflect.deleteProperty(holder, key);
      Reflect.set(holder, cleanKey, next);
    } else if (next !== value) holder[key] = next;
  }
}

function visit(value: unknown, key: string, context: Context, depth: number, visitor: Visitor, steps: Step[]): unknown {
  if (typeof value === "string") {
    if (value.length < 4 || (value.startsWith("data:") && BYTES_ADDRESS.test(value))) return value;
    return visitor.text(value, context.isStyle ? "style" : "text", placeOf(context, key));
  }
  if (typeof value === "number") {
    if (value < MIN_CARD || !Number.isSafeInteger(value)) return value;
    const text = String(value);
    const clean = visitor.text(text, "text", placeOf(context, key));
    return clean === text ? value : clean;
  }
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return null;
  const inner = context.isOpen && key !== "" ? { ...context, place: placeOf(context, key) } : context;
  steps.push({ holder: value, context: inner, depth: depth + 1 });
  return value;
}

/** The context of what lies under `key`; null where there is nothing to read. */
function inside(context: Context, key: string, holder: Fields): Context | null {
  if (!context.isDom) return context;
  if (DEAD_KEYS.has(key)) return null;
  if (key === "attributes") return holder["tagName"] === "style" ? STYLE_ATTRIBUTES : ATTRIBUTES;
  const isStyle =
    context.isStyle ||
    STYLE_KEYS.has(key) ||
    (key === "textContent" && holder["isStyle"] === true) ||
    (key === "childNodes" && holder["tagName"] === "style");
  const isText = context.place === "text" || key === "childNodes" || key === "node";
  if (isText) return isStyle ? STYLE_TEXT : TEXT;
  return isStyle === context.isStyle ? context : { ...context, isStyle };
}

/** Where a text is, for people. */
function placeOf(context: Context, key: string): string {
  if (context.isDom) return context.place === "attribute" ? `attribute ${key.slice(0, 40)}` : context.place;
  if (!context.isOpen || key === "" || key === "payload" || key === "data") return context.place;
  return `${context.place}.${key.slice(0, 40)}`.slice(0, 120);
}

function isSecretPair(visitor: Visitor, name: string, value: unknown): boolean {
  return isScalar(value) && !isHarmless(value) && judgeName(visitor.names, name, textOf(value)) === "secret";
}

/** True of what could be the name of a field or header, and is no text of its own. */
function isName(value: unknown): value is string {
  return typeof value === "string" && /^[\w.$[\]-]{1,80}$/.test(value);
}

function isValueKey(key: string): boolean {
  return (VALUE_KEYS as readonly string[]).includes(key);
}

function isScalar(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

/** Yes, no, nothing and what is masked already are no secrets. */
function isHarmless(value: unknown): boolean {
  if (typeof value === "string") return (value.length < 64 && isMasked(value)) || value === "true" || value === "false";
  return isFields(value) && Object.keys(value).length === 0;
}

function textOf(value: unknown): string {
  return isScalar(value) ? String(value).slice(0, 256) : "";
}
