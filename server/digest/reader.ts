/** Reads what strangers send: JSON into clean, bounded texts and numbers. Nothing here throws but `parseItem`. */

import { cleanText } from "../../protocol/text.ts";
import { MAX_CHARS, MAX_COUNT, MAX_DEPTH } from "./bounds.ts";
import { Unreadable } from "./unreadable.ts";

/** A JSON object of somebody else's. Only its own properties are ever read. */
export type Fields = Readonly<Record<string, unknown>>;

/** What a fact may be. */
export type Fact = string | number | boolean | null;

/** Names that would mean something to a JavaScript object. */
const DANGEROUS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const NO_FIELDS: Fields = Object.freeze(Object.create(null) as Record<string, unknown>);

/** Reads the fields of one occurrence and counts what it takes. */
export interface Reader {
  /** Text, or a number or boolean as text; empty for anything else and where the occurrence is full. */
  text(value: unknown, max: number): string;
  /** Any value as a fact: objects become JSON. */
  fact(value: unknown, max: number): Fact;
  /** The entries of an object, of a list of pairs, or of a list of `{name, value}`; without dangerous and empty names. */
  pairs(value: unknown, most: number, what: string): [string, unknown][];
  /** The elements of a list, or of `{values: [...]}`; an object alone is a list of one. */
  list(value: unknown): readonly unknown[];
  /** Something was cut, dropped or wrong. */
  note(words: string): void;
  notes(): readonly string[];
}

/** Whether a value is a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is a JSON array. */
export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** A field by its name, and nothing that an object inherits. */
export function get(value: unknown, name: string): unknown {
  return isFields(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** The object under a name; empty where there is none. */
export function fieldsOf(value: unknown, name: string): Fields {
  const inner = get(value, name);
  return isFields(inner) ? inner : NO_FIELDS;
}

/** A finite number, also one that was sent as text; null for anything else. */
export function numberOf(value: unknown): number | null {
  const number = typeof value === "string" && value.length < 32 && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

/** Builds the reader of one occurrence. */
export function createReader(): Reader {
  let left = MAX_CHARS;
  const notes: string[] = [];
  const note = (words: string) => {
    if (notes.length < MAX_COUNT.notes && !notes.includes(words)) notes.push(words);
  };

  function text(value: unknown, max: number): string {
    const given = typeof value === "string" ? value : isPlain(value) ? String(value) : "";
    if (given === "") return "";
    const room = Math.min(max, left);
    if (given.length > room) note(room < max ? "too much text: what was read last is left out" : "long texts are cut");
    const kept = cleanText(given.length > room ? given.slice(0, room) : given);
    left -= kept.length;
    return kept;
  }

  function fact(value: unknown, max: number): Fact {
    if (typeof value === "boolean" || value === null || value === undefined) return value ?? null;
    if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
    return text(typeof value === "object" ? toJson(value) : value, max);
  }

  return {
    text,
    fact,
    note,
    notes: () => notes,
    pairs(value, most, what) {
      const all = entriesOf(value).filter(([name]) => name !== "" && !DANGEROUS.has(name));
      if (all.length > most) note(`${what}: only the first ${most} are kept`);
      return all.slice(0, most);
    },
    list(value) {
      if (isList(value)) return value;
      const values = get(value, "values");
      if (isList(values)) return values;
      return isFields(value) && values === undefined && Object.keys(value).length > 0 ? [value] : [];
    },
  };
}

/**
 * The JSON of an item.
 * @throws Unreadable for what is no JSON object, or nested too deep
 */
export function parseItem(body: Uint8Array): Fields {
  const value = parseAny(body);
  if (!isFields(value)) throw new Unreadable("the item is no JSON object");
  return value;
}

/**
 * The JSON of an item, whatever it is.
 * @throws Unreadable for what is no JSON, or nested too deep
 */
export function parseAny(body: Uint8Array): unknown {
  if (depthOf(body) > MAX_DEPTH) throw new Unreadable(`the item is nested deeper than ${MAX_DEPTH} levels`);
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return value;
  } catch {
    throw new Unreadable("the item is no JSON");
  }
}

function entriesOf(value: unknown): [string, unknown][] {
  if (isFields(value)) return Object.entries(value);
  if (!isList(value)) return [];
  return value.flatMap((entry: unknown): [string, unknown][] => {
    if (isList(entry)) {
      const [name, inner] = entry;
      return typeof name === "string" ? [[name, inner]] : [];
    }
    const name = get(entry, "name") ?? get(entry, "key");
    return typeof name === "string" ? [[name, get(entry, "value")]] : [];
  });
}

function isPlain(value: unknown): value is number | boolean {
  return typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_name, inner: unknown) => (typeof inner === "string" ? cleanText(inner) : inner));
  } catch {
    return "";
  }
}

/** Brackets that are open at the most, outside of strings; what is deeper than needs be is not counted to its end. */
function depthOf(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let isText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (isText) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      deepest = Math.max(deepest, ++depth);
      if (deepest > MAX_DEPTH) return deepest;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
  return deepest;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
