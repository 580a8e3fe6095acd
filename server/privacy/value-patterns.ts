/**
 * What secrets look like, each once: redaction and leak scan search with the same. Every finder reads its text in one direction with
 * bounded look-ahead, so that its time grows with the length of the text and with nothing else.
 */

import type { RedactionPattern } from "../../protocol/redaction.ts";
import { findCards, findIbans } from "./card-numbers.ts";

/** A part of a text, end exclusive. */
export interface Found {
  start: number;
  end: number;
}

/** Reports what it finds, in the order of the text. */
export type Finder = (text: string, found: (hit: Found) => void) => void;

/** Longest part of a word that is looked at beyond its beginning. */
const MAX_DECODE = 400;

/** Beginnings of tokens whose makers publish their form, and the least that must follow. */
const TOKEN_FORMS = [
  "(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])",
  "AIza[\\w-]{35}",
  "ya29\\.[\\w-]{20,64}",
  "GOCSPX-[\\w-]{20,64}",
  "gh[pousr]_[A-Za-z0-9]{36,64}",
  "github_pat_[A-Za-z0-9_]{22,64}",
  "gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent)-[\\w-]{20,64}",
  "xox[abeoprs](?:\\.xox[bp])?-[A-Za-z0-9-]{10,64}",
  "xapp-\\d-[A-Za-z0-9-]{10,64}",
  "(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,64}",
  "whsec_[A-Za-z0-9+/=]{24,64}",
  "npm_[A-Za-z0-9]{36}",
  "pypi-[\\w-]{50,64}",
  "sk-(?:proj|svcacct|admin|ant|or)-[\\w-]{20,64}",
  "sk-[A-Za-z0-9]{32,64}",
  "SG\\.[\\w-]{22}\\.[\\w-]{43}",
  "SK[0-9a-f]{32}(?![A-Za-z0-9])",
  "key-[0-9a-f]{32}(?![A-Za-z0-9])",
  "shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
  "sq0(?:atp|csp)-[\\w-]{22,64}",
  "do[opr]_v1_[a-f0-9]{64}",
  "hf_[A-Za-z0-9]{30,64}",
  "hv[sb]\\.[\\w-]{24,64}",
  "dapi[a-f0-9]{32}(?![A-Za-z0-9])",
  "glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}",
  "sntry[su]_[\\w+/=-]{40,64}",
  "lin_api_[A-Za-z0-9]{32,64}",
  "PMAK-[a-f0-9]{24}-[a-f0-9]{34}",
  "ATATT3[\\w=-]{40,64}",
  "\\d{8,10}:AA[\\w-]{33}(?![\\w-])",
  "eyJrIjoi[\\w-]{40,64}",
];
const TOKENS = new RegExp(`(?<![A-Za-z0-9_])(?:${TOKEN_FORMS.join("|")})`, "g");
const SLACK_HOOK = /hooks\.slack\.com\/(?:services|workflows|triggers)\/[\w/]{20,128}/g;
const AZURE_KEY = /(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,128}={0,2}/g;

const SCHEME = /(?<![\w-])(bearer|basic|token|negotiate|digest)(?:\s{1,4}|%20|\+)([\w.~+/=:%-]{8,128})/gi;

/** International numbers, and North American ones with their separators. */
const PHONE =
  /(?<![\w.+-])(?:\+[1-9](?:[ .()/-]{0,3}\d){7,14}|\(\d{3}\)[ -]?\d{3}[ .-]\d{4}|[2-9]\d{2}([.-])[2-9]\d{2}\1\d{4})(?![\w-]|\.\d)/g;

/** What stands at the end of `name@2x.png` and its like. */
const FILE_ENDS = new Set(
  "png jpg jpeg gif svg webp avif bmp ico css scss less js mjs cjs ts tsx jsx vue json map html htm woff woff2 ttf otf eot mp3 mp4 webm wasm tgz gz xml pdf txt md".split(
    " ",
  ),
);
const MAX_LOCAL = 64;
const MAX_DOMAIN = 253;

/** Every pattern by its name. */
export const FINDERS: Readonly<Record<RedactionPattern, Finder>> = {
  card: findCards,
  private_key: findPrivateKeys,
  jwt: findJwts,
  authorization: findSchemes,
  token: findTokens,
  email: findEmails,
  phone: (text, found) => {
    for (const { index, 0: hit } of text.matchAll(PHONE)) found({ start: index, end: index + hit.length });
  },
  iban: findIbans,
};

function findTokens(text: string, found: (hit: Found) => void): void {
  let last = 0;
  for (const { index, 0: hit } of text.matchAll(TOKENS)) {
    if (index < last) continue;
    last = index + hit.length;
    while (last < text.length && isTokenCode(text.charCodeAt(last))) last++;
    found({ start: index, end: last });
  }
  for (const form of [SLACK_HOOK, AZURE_KEY]) {
    for (const { index, 0: hit } of text.matchAll(form)) found({ start: index, end: index + hit.length });
  }
}

/** From the opening line to the closing one; where that is cut off, as far as the letters of a key go. */
function findPrivateKeys(text: string, found: (hit: Found) => void): void {
  const opening = "-----BEGIN ";
  // Looked for once: a text may open any number of keys and close none.
  const lastClosing = text.lastIndexOf("-----END ");
  let at = text.indexOf(opening);
  while (at >= 0) {
    const title = text.slice(at + opening.length, at + opening.length + 40);
    const named = /^[A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----/.exec(title);
    let next = at + opening.length;
    if (named) {
      const body = next + named[0].length;
      const closing = body > lastClosing ? -1 : text.indexOf("-----END ", body);
      next = closing < 0 ? endOfKey(text, body) : endOfLineMark(text, closing);
      found({ start: at, end: next });
    }
    at = text.indexOf(opening, next);
  }
}

function endOfKey(text: string, from: number): number {
  let at = from;
  while (at < text.length && /[\w+/=\s\\:,.-]/.test(text.charAt(at))) at++;
  return at;
}

function endOfLineMark(text: string, closing: number): number {
  const end = text.indexOf("-----", closing + 9);
  return end < 0 || end - closing > 60 ? closing + 9 : end + 5;
}

/** Two or more parts in base64url of which the first is a JSON object that names its algorithm (RFC 7515, RFC 7516). */
function findJwts(text: string, found: (hit: Found) => void): void {
  let at = text.indexOf("eyJ");
  while (at >= 0) {
    const end = endOfRun(text, at, isBase64UrlCode);
    let last = end;
    const isWhole = at === 0 || !isBase64UrlCode(text.charCodeAt(at - 1));
    if (isWhole && text.charAt(end) === "." && namesAlgorithm(text.slice(at, Math.min(end, at + MAX_DECODE)))) {
      while (text.charAt(last) === ".") {
        const next = endOfRun(text, last + 1, isBase64UrlCode);
        if (next === last + 1 && text.charAt(next) !== ".") break;
        last = next;
      }
      if (last - end > 4) found({ start: at, end: last });
    }
    at = text.indexOf("eyJ", last);
  }
}

function namesAlgorithm(header: string): boolean {
  const json = Buffer.from(header, "base64url").toString("latin1");
  return json.startsWith("{") && /"(?:alg|enc|typ|kid)"/.test(json);
}

/** A scheme of authentication and behind it what is no word of a language. */
function findSchemes(text: string, found: (hit: Found) => void): void {
  for (const match of text.matchAll(SCHEME)) {
    const [whole, scheme = "", value = ""] = match;
    const start = match.index + whole.length - value.length;
    const isSecret = scheme.toLowerCase() === "basic" ? isBasic(value) : isMixed(value);
    if (!isSecret) continue;
    found({ start, end: endOfRun(text, start + value.length, isTokenCode) });
  }
}

function isBasic(value: string): boolean {
  if (!/^[A-Za-z0-9+/]{8,}={0,2}$/.test(value)) return false;
  return /^[\x20-\x7e]*:[\x20-\x7e]*$/.test(Buffer.from(value, "base64").toString("latin1"));
}

function isMixed(value: string): boolean {
  if (/\d/.test(value) && /[a-zA-Z]/.test(value)) return value.length >= 10;
  return value.length >= 24 && /[a-z][A-Z]/.test(value);
}

/** Looks around every `@` (or `%40`), so that a text without one costs a search for it. */
function findEmails(text: string, found: (hit: Found) => void): void {
  let last = 0;
  for (const { index, 0: sign } of text.matchAll(/@|%40/g)) {
    if (index < last) continue;
    let start = index;
    while (start > last && index - start < MAX_LOCAL && /[\p{L}\d.!$%+^_~-]/u.test(text.charAt(start - 1))) start--;
    while (start < index && /[.%]/.test(text.charAt(start))) start++;
    const domain = /^(?:[\p{L}\d](?:[\p{L}\d-]{0,61}[\p{L}\d])?\.){1,8}\p{L}{2,24}(?![\p{L}\d])/u.exec(
      text.slice(index + sign.length, index + sign.length + MAX_DOMAIN),
    );
    if (start === index || !domain) continue;
    const end = index + sign.length + domain[0].length;
    if (FILE_ENDS.has(domain[0].slice(domain[0].lastIndexOf(".") + 1).toLowerCase())) continue;
    // `git@host:path` is an address of a repository.
    if (/^(?:git|hg|svn)$/.test(text.slice(start, index)) && /[:/]/.test(text.charAt(end))) continue;
    found({ start, end });
    last = end;
  }
}

function endOfRun(text: string, from: number, belongs: (code: number) => boolean): number {
  let at = from;
  while (at < text.length && belongs(text.charCodeAt(at))) at++;
  return at;
}

function isBase64UrlCode(code: number): boolean {
  return isAlphanumericCode(code) || code === 45 || code === 95;
}

/** Letters of tokens: those of base64url, and `.` `~` `+` `/` `=` of RFC 6750. */
function isTokenCode(code: number): boolean {
  return isBase64UrlCode(code) || code === 46 || code === 126 || code === 43 || code === 47 || code === 61;
}

function isAlphanumericCode(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
}
