/** Looks for secrets in everything that left a page, in every form that a secret might have taken on the way. */

import type { Secret } from "./leak-page.ts";

export interface Evidence {
  /** As it travelled. */
  bytes: readonly Buffer[];
  /** Decoded, inflated. */
  texts: readonly string[];
}

export interface Finding {
  secret: Secret;
  /** In which form it was found. */
  form: string;
}

/** Secrets that are there, each once. A `|` in one says that it stands in pieces, each a text node: it is found when all of them are. */
export function findSecrets(secrets: readonly Secret[], evidence: Evidence): Finding[] {
  const raw = [...evidence.texts, ...evidence.bytes.map((bytes) => bytes.toString("utf8"))].join("\n");
  const lower = `${raw}\n${unescape(raw)}`.toLowerCase();
  const findings: Finding[] = [];
  for (const secret of secrets) {
    const pieces = secret.value.split("|");
    const form =
      pieces.length === 1
        ? formOf(secret.value, lower, raw)
        : pieces.every((piece) => raw.includes(`"textContent":"${piece}"`))
          ? "in pieces"
          : undefined;
    if (form !== undefined) findings.push({ secret, form });
  }
  return findings;
}

function formOf(value: string, lower: string, raw: string): string | undefined {
  for (const [form, text] of Object.entries(formsOf(value))) if (lower.includes(text.toLowerCase())) return form;
  return base64Of(value).some((text) => raw.includes(text)) ? "base64" : undefined;
}

/** Upper and lower case are the same to the search, so that turned case needs no form of its own. */
function formsOf(value: string): Record<string, string> {
  const escape = (text: string): string => JSON.stringify(text).slice(1, -1);
  const entities = (text: string, one: (code: number) => string): string =>
    Array.from(text, (character) => (/[A-Za-z0-9 ]/.test(character) ? character : one(character.codePointAt(0) ?? 0))).join("");
  const digits = value.normalize("NFKC").replace(/[^\da-z]/gi, "");
  return {
    plain: value,
    percent: encodeURIComponent(value),
    "percent twice": encodeURIComponent(encodeURIComponent(value)),
    json: escape(value),
    "json twice": escape(escape(value)),
    "json in ascii": value.replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`),
    entities: entities(value, (code) => `&#${code};`),
    "hex entities": entities(value, (code) => `&#x${code.toString(16)};`),
    "every character an entity": Array.from(value, (character) => `&#${character.codePointAt(0)};`).join(""),
    reversed: Array.from(value).reverse().join(""),
    // Without what stands between the digits.
    ...(/^\+?[\d]{9,}$/.test(digits) ? { digits } : {}),
    // Of an e-mail address the name alone says enough.
    ...(/@|\uff20| \(at\) /.test(value) ? { "name of an address": value.split(/@|\uff20| \(at\) /)[0] ?? value } : {}),
  };
}

/** The three ways in which it may stand inside of a longer text. */
function base64Of(value: string): string[] {
  return [0, 1, 2].map((shift) => {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(value)]);
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString("base64");
    return whole.slice(shift === 0 ? 0 : 4);
  });
}

function unescape(text: string): string {
  return text.replace(/\\u([\da-f]{4})/gi, (_all, code: string) => String.fromCharCode(parseInt(code, 16)));
}
