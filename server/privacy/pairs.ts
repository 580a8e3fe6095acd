/**
 * Names and their values in running text: query parameters, `name=value`, `name: value`, header lines and JSON that is cut off. Reads from
 * one `=` or `:` to the next; what is looked at on either side is bounded, so its time grows with the length of the text.
 */

import { judgeName, mayMatter, type NameRules } from "./key-names.ts";
import type { Found } from "./value-patterns.ts";

const MAX_NAME = 80;
const MAX_USERINFO = 512;
/** Header lines whose whole rest is the value. */
const WHOLE_LINE = /^(?:authorization|proxy-authorization|cookie|set-cookie|x-api-key)$/i;
/** Words behind `password:` that belong to a sentence about it. */
const PROSE = new Set(
  `required invalid expired missing must is are was too not null undefined true false none empty wrong incorrect changed reset updated
   cannot can should please at least the a an your enter forgot must-be-set ok yes no unknown optional hidden show`.split(/\s+/),
);

/** Most of a value that is read to judge it. */
const MAX_PREVIEW = 160;

/** A value in a text, and the name that stands before it. `allowed`: it is to be left alone. */
export interface Pair extends Found {
  name: string;
  verdict: "secret" | "allowed";
}

/** Reports the pairs of a text that are secret or allowed, in its order; none lies in another. */
export function findPairs(text: string, names: NameRules, found: (pair: Pair) => void): void {
  let last = 0;
  for (let at = nextSign(text, 0); at >= 0; at = nextSign(text, Math.max(at + 1, last))) {
    const name = nameBefore(text, at, last);
    if (name === null || !mayMatter(names, decode(name.text))) continue;
    const isAddress = text.charCodeAt(at) === 61 && /[?&#;]/.test(text.charAt(name.start - 1));
    const preview = text.slice(at, at + MAX_PREVIEW);
    const begun = valueBehind(preview, 0, name.text, isAddress);
    const verdict = judgeName(names, decode(name.text), preview.slice(begun.start, begun.end), isAddress);
    if (verdict === "plain") continue;
    const { start, end, isQuoted } = valueBehind(text, at, name.text, isAddress);
    if (end <= start) continue;
    last = end;
    const isHeader = text.charCodeAt(at) === 58;
    if (verdict === "allowed" || !isHarmless(text.slice(start, end), isHeader && !isQuoted)) {
      found({ start, end, name: name.text, verdict });
    }
  }
}

/** Reports every piece of an address or form that holds percent-encoding: where it is, and what it says. */
export function findEncoded(text: string, found: (hit: Found, decoded: string) => void): void {
  let last = 0;
  for (let at = text.indexOf("%"); at >= 0; at = text.indexOf("%", Math.max(at + 1, last))) {
    if (!/^%[\da-f]{2}/i.test(text.slice(at, at + 3))) continue;
    let start = at;
    let end = at;
    while (start > last && !isPieceEnd(text.charCodeAt(start - 1))) start--;
    while (end < text.length && !isPieceEnd(text.charCodeAt(end))) end++;
    last = end;
    const piece = text.slice(start, end);
    const decoded = decode(piece);
    if (decoded !== piece) found({ start, end }, decoded);
  }
}

/** Reports the `user:password` of addresses. */
export function findUserinfo(text: string, found: (hit: Found) => void): void {
  for (let at = text.indexOf("://"); at >= 0; at = text.indexOf("://", at + 3)) {
    if (!/[a-z\d]/i.test(text.charAt(at - 1))) continue;
    let sign = -1;
    const stop = Math.min(text.length, at + 3 + MAX_USERINFO);
    for (let i = at + 3; i < stop; i++) {
      const code = text.charCodeAt(i);
      if (code === 64) sign = i;
      // The authority ends here: / ? # \ quotes, brackets and white space.
      else if (
        code <= 32 ||
        code === 47 ||
        code === 63 ||
        code === 35 ||
        code === 92 ||
        code === 34 ||
        code === 39 ||
        code === 60 ||
        code === 62
      )
        break;
    }
    if (sign > at + 3) found({ start: at + 3, end: sign });
  }
}

/** Percent-encoding undone where it can be; a `+` is a space in a form. */
export function decode(text: string): string {
  if (!text.includes("%")) return text.includes("+") ? text.replaceAll("+", " ") : text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

/** True of what holds no secret any more: nothing but stars, dots or the mark of an earlier redaction. */
export function isMasked(text: string): boolean {
  return /^(?:|[*•●…_]+|[xX]{3,}|[.\s-]+|\[(?:Filtered|Redacted|MASKED)\]?)$/.test(text);
}

function isHarmless(raw: string, isProse: boolean): boolean {
  if (raw.length < 64 && isMasked(raw)) return true;
  if (/^(?:true|false|null|undefined|\[object Object\]|function)$/.test(raw)) return true;
  return isProse && PROSE.has(raw.toLowerCase());
}

function nextSign(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 61 || code === 58) return at;
  }
  return -1;
}

/** The name that ends before `at`, quoted or not; null where there is none. Looks no further back than `floor`. */
function nameBefore(text: string, at: number, floor: number): { start: number; text: string } | null {
  let end = at;
  while (end > floor && at - end < 3 && text.charCodeAt(end - 1) === 32) end--;
  // `"name"`, and `\"name\"` in JSON within a string.
  if (end > floor && isQuote(text.charCodeAt(end - 1))) end--;
  if (end > floor && text.charCodeAt(end - 1) === 92) end--;
  let start = end;
  while (start > floor && end - start < MAX_NAME && isNameCode(text.charCodeAt(start - 1))) start--;
  while (start < end && !/[\p{L}_%]/u.test(text.charAt(start))) start++;
  return start === end ? null : { start, text: text.slice(start, end) };
}

function valueBehind(
  text: string,
  at: number,
  name: string,
  isAddress: boolean,
): { start: number; end: number; isQuoted: boolean } {
  let start = at + 1;
  const isHeader = text.charCodeAt(at) === 58;
  while (start - at < 4 && text.charCodeAt(start) === 32) start++;
  const escape = text.charCodeAt(start) === 92 && isQuote(text.charCodeAt(start + 1)) ? 1 : 0;
  if (isQuote(text.charCodeAt(start + escape))) return { ...quoted(text, start + escape + 1, escape === 1), isQuoted: true };
  let end = start;
  if (isHeader && WHOLE_LINE.test(name)) while (end < text.length && !isLineEnd(text.charCodeAt(end))) end++;
  else if (isAddress) while (end < text.length && !isParameterEnd(text.charCodeAt(end))) end++;
  else {
    // `Authorization=Bearer abc`: the scheme is not the secret.
    const scheme = /^(?:bearer|basic|token|digest) /i.exec(text.slice(start, start + 8));
    if (scheme) end += scheme[0].length;
    while (end < text.length && !isWordEnd(text.charCodeAt(end))) end++;
    while (end > start && /[.!?]/.test(text.charAt(end - 1)) && end - start > 1) end--;
  }
  return { start, end, isQuoted: false };
}

/** Up to the closing quote that is not escaped, or to the end. */
function quoted(text: string, start: number, isEscaped: boolean): { start: number; end: number } {
  const quote = text.charCodeAt(start - 1);
  for (let end = start; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === quote) return { start, end: isEscaped && text.charCodeAt(end - 1) === 92 ? end - 1 : end };
    if (code !== 92) continue;
    if (isEscaped && text.charCodeAt(end + 1) === quote) return { start, end };
    end++;
  }
  return { start, end: text.length };
}

function isQuote(code: number): boolean {
  return code === 34 || code === 39 || code === 96;
}

function isLineEnd(code: number): boolean {
  return code === 10 || code === 13;
}

/** What stands between the pieces of an address: what ends a parameter, `=` `?` `/` `,` and `:`. */
function isPieceEnd(code: number): boolean {
  return isParameterEnd(code) || code === 61 || code === 63 || code === 47 || code === 44 || code === 58;
}

/** What ends a parameter: `&` `#` `;` white space, quotes and angle brackets. */
function isParameterEnd(code: number): boolean {
  return (
    code <= 32 ||
    code === 38 ||
    code === 35 ||
    code === 59 ||
    code === 34 ||
    code === 39 ||
    code === 60 ||
    code === 62 ||
    code === 96
  );
}

/** The same, and what ends a word in a sentence or a list: `,` `)` `}` `]` `|`. */
function isWordEnd(code: number): boolean {
  return isParameterEnd(code) || code === 44 || code === 41 || code === 125 || code === 93 || code === 124;
}

function isNameCode(code: number): boolean {
  return (
    (code >= 48 && code <= 57) ||
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    code === 95 ||
    code === 45 ||
    code === 46 ||
    code === 36 ||
    code === 37 ||
    code === 91 ||
    code === 93 ||
    code > 160
  );
}
