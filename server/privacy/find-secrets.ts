/** Everything secret in one text, by all rules together. Redaction replaces what this finds, the leak scan reports it. */

import type { RedactionPattern } from "../../protocol/redaction.ts";
import type { NameRules } from "./key-names.ts";
import { findEncoded, findPairs, findUserinfo } from "./pairs.ts";
import { FINDERS, type Found } from "./value-patterns.ts";

/** `named`: the value of a name that speaks of a secret; `userinfo`: user and password of an address. */
export type SecretKind = RedactionPattern | "named" | "userinfo";

export interface Secret extends Found {
  kind: SecretKind;
  /** Of kind `named`: that name. */
  name?: string;
}

/** What is looked for. */
export interface Rules {
  readonly names: NameRules;
  readonly patterns: readonly RedactionPattern[];
  /** Texts that are never secret, whatever they look like. */
  readonly allowedTexts: ReadonlySet<string>;
}

/**
 * `text`: everything. `style`: a style sheet or a list of classes, where `name: value` is no pair and digits are measures: keys and tokens
 * only.
 */
export type Mode = "text" | "style";

const STYLE_PATTERNS: ReadonlySet<RedactionPattern> = new Set(["private_key", "jwt", "token"]);
/** No text without any of these holds a secret. */
const MAY_HOLD = /[\d@=:%]|[\w.+/-]{20}/;
const MIN_LENGTH = 5;

/** What of `text` is secret, in order, without overlaps. Time grows with the length of the text. */
export function findSecrets(text: string, rules: Rules, mode: Mode = "text"): Secret[] {
  return find(text, rules, mode, true);
}

function find(text: string, rules: Rules, mode: Mode, isOuter: boolean): Secret[] {
  if (text.length < MIN_LENGTH || !MAY_HOLD.test(text)) return [];
  const secrets: Secret[] = [];
  const allowed: Found[] = [];
  for (const kind of rules.patterns) {
    if (mode === "style" && !STYLE_PATTERNS.has(kind)) continue;
    FINDERS[kind](text, ({ start, end }) => secrets.push({ start, end, kind }));
  }
  if (mode === "text") {
    findPairs(text, rules.names, ({ start, end, name, verdict }) => {
      if (verdict === "secret") secrets.push({ start, end, kind: "named", name });
      else allowed.push({ start, end });
    });
    findUserinfo(text, ({ start, end }) => secrets.push({ start, end, kind: "userinfo" }));
  }
  if (isOuter) {
    findEncoded(text, ({ start, end }, decoded) => {
      const [first] = find(decoded, rules, mode, false);
      if (first) secrets.push({ start, end, kind: first.kind, ...(first.name === undefined ? {} : { name: first.name }) });
    });
  }
  if (secrets.length === 0) return secrets;
  return merge(
    secrets.filter(({ start, end }) => !rules.allowedTexts.has(text.slice(start, end).toLowerCase())),
    allowed,
  );
}

/** In order, the longer of two that overlap as one, without those that lie in an allowed part. */
function merge(secrets: Secret[], allowed: readonly Found[]): Secret[] {
  secrets.sort((a, b) => a.start - b.start || b.end - a.end);
  const merged: Secret[] = [];
  let next = 0;
  for (const secret of secrets) {
    while (next < allowed.length && (allowed[next]?.end ?? 0) <= secret.start) next++;
    const around = allowed[next];
    if (around && around.start <= secret.start && secret.end <= around.end) continue;
    const before = merged.at(-1);
    if (before && secret.start < before.end) before.end = Math.max(before.end, secret.end);
    else merged.push(secret);
  }
  return merged;
}
