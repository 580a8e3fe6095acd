/** Takes secrets out of texts, values, markers, facts of sessions and rrweb events, by the rules of one project. Nothing here throws. */

import { isNestedTooDeep } from "../../protocol/json-depth.ts";
import { FILTERED, REDACTION_PATTERNS, STANDARD_PATTERNS, type RedactionPattern } from "../../protocol/redaction.ts";
import { findSecrets, type Mode, type Rules } from "./find-secrets.ts";
import { compileNames } from "./key-names.ts";
import { walkEvent, walkValue, type Visitor } from "./walk.ts";

/** What a project says of redaction, as `projects.redaction` has it; what is missing is standard. */
export interface RedactionSettings {
  enabled: boolean;
  /** Redact the payloads of packed batches as well. */
  payloads: boolean;
  /** Further names of secrets. */
  keys: readonly string[];
  /** Names, and exact values, that are never secret. Wins over everything else. */
  allow: readonly string[];
  patterns: readonly RedactionPattern[];
}

/** What a project without settings of its own gets. */
export const STANDARD_SETTINGS: RedactionSettings = {
  enabled: true,
  payloads: false,
  keys: [],
  allow: [],
  patterns: STANDARD_PATTERNS,
};

/** Texts in a text that are read as JSON once more: a string in JSON in a string. */
const MAX_NESTED = 4;
const MAX_JSON = 4 * 1024 * 1024;

/** Redacts by one project's rules. */
export interface Redactor {
  readonly settings: RedactionSettings;
  text(text: string, mode?: Mode): string;
  /** Any value that came as JSON; objects are changed in place. */
  value(value: unknown): unknown;
  /** rrweb events, changed in place. Returns how many texts were changed, or null where there were more than `maxChars` characters to read. */
  events(events: readonly { type: number; data?: unknown }[], maxChars?: number): number | null;
}

/** Reads `projects.redaction`; what is missing there or makes no sense is standard. */
export function readSettings(stored: unknown): RedactionSettings {
  if (typeof stored !== "object" || stored === null) return STANDARD_SETTINGS;
  const fields = new Map<string, unknown>(Object.entries(stored));
  const patterns = REDACTION_PATTERNS.filter((name) => textsOf(fields.get("patterns")).includes(name));
  return {
    enabled: fields.get("enabled") !== false,
    payloads: fields.get("payloads") === true,
    keys: textsOf(fields.get("keys")),
    allow: textsOf(fields.get("allow")),
    patterns: patterns.length > 0 ? patterns : STANDARD_PATTERNS,
  };
}

/** The rules that settings come to. */
export function compileRules({ keys, allow, patterns }: Pick<RedactionSettings, "keys" | "allow" | "patterns">): Rules {
  return {
    names: compileNames(keys, allow),
    patterns,
    allowedTexts: new Set(allow.map((text) => text.toLowerCase())),
  };
}

/** Builds a redactor. */
export function createRedactor(settings: RedactionSettings): Redactor {
  const rules = compileRules(settings);
  let changes = 0;
  let nested = 0;
  let charsLeft = Infinity;

  function replace(text: string, mode: Mode): string {
    const secrets = findSecrets(text, rules, mode);
    if (secrets.length === 0) return text;
    let clean = "";
    let at = 0;
    for (const { start, end } of secrets) {
      clean += text.slice(at, start) + FILTERED;
      at = end;
    }
    return clean + text.slice(at);
  }

  function redactText(text: string, mode: Mode = "text"): string {
    charsLeft -= text.length;
    if (charsLeft < 0) return text;
    const json = mode === "text" && nested < MAX_NESTED ? parseJson(text) : undefined;
    let clean: string;
    if (json === undefined) clean = replace(text, mode);
    else {
      const before = changes;
      nested++;
      const value = walkValue(json, "", visitor);
      nested--;
      clean = changes === before ? text : JSON.stringify(value);
    }
    if (clean !== text) changes++;
    return clean;
  }

  const visitor: Visitor = {
    names: rules.names,
    text: redactText,
    named: () => {
      changes++;
      return FILTERED;
    },
    isSpent: () => charsLeft < 0,
  };

  return {
    settings,
    text: redactText,
    value: (value) => walkValue(value, "", visitor),
    events(events, maxChars = Infinity) {
      const before = changes;
      charsLeft = maxChars;
      for (const event of events) walkEvent(event, visitor);
      const isSpent = charsLeft < 0;
      charsLeft = Infinity;
      return isSpent ? null : changes - before;
    },
  };
}

/** The object, list or text that a text holds as JSON; undefined where it holds none. */
export function parseJson(text: string): unknown {
  if (text.length < 4 || text.length > MAX_JSON) return undefined;
  const [first, last] = [text.trimStart().charAt(0), text.trimEnd().at(-1)];
  const isClosed = (first === "{" && last === "}") || (first === "[" && last === "]") || (first === '"' && last === '"');
  if (!isClosed || isNestedTooDeep(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
}
