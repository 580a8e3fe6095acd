/** Payment card numbers and IBANs in running text: a known beginning, a plausible length and shape, and a right check digit. */

import type { Found } from "./value-patterns.ts";

/** How numbers of 13 to 19 digits are written in groups. */
const SHAPES = new Set([
  "4,4,4,4",
  "4,4,4,4,1",
  "4,4,4,4,2",
  "4,4,4,4,3",
  "4,6,5",
  "4,6,4",
  "4,4,4,1",
  "4,4,5",
  "4,5,6",
  "6,13",
  "8,8",
]);
const MAX_GROUPS = 5;

/** First digits and lengths of the card schemes (ISO/IEC 7812 issuer ranges as the schemes publish them). */
const SCHEMES: readonly [begins: RegExp, lengths: readonly number[]][] = [
  [/^4/, [13, 16, 19]],
  [/^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]],
  [/^3[47]/, [15]],
  [/^(30[0-5]|3095|36|3[89])/, [14, 15, 16, 17, 18, 19]],
  [/^(6011|64[4-9]|65)/, [16, 17, 18, 19]],
  [/^35(2[89]|[3-8])/, [16, 17, 18, 19]],
  [/^(62|81)/, [16, 17, 18, 19]],
  [/^(50|5[6-8]|6[03789]|61)/, [13, 14, 15, 16, 17, 18, 19]],
  [/^(220[0-4])/, [16, 17, 18, 19]],
  [/^(9792|82|508)/, [16]],
];

/** True where the check digit is right (ISO/IEC 7812-1, annex B). */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = digits.length - 1, isDoubled = false; i >= 0; i--, isDoubled = !isDoubled) {
    const digit = digits.charCodeAt(i) - 48;
    sum += isDoubled ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit;
  }
  return sum % 10 === 0;
}

/** True of 13 to 19 digits that a card could bear. */
export function isCardNumber(digits: string): boolean {
  if (digits.length < 13 || digits.length > 19) return false;
  if (!SCHEMES.some(([begins, lengths]) => lengths.includes(digits.length) && begins.test(digits))) return false;
  return passesLuhn(digits) && !/^(\d)\1+$/.test(digits);
}

/** Finds card numbers: in one run of digits, or in groups with one and the same separator between them. One pass over the text. */
export function findCards(text: string, found: (hit: Found) => void): void {
  let groups: Group[] = [];
  let separator = "";
  let at = 0;
  const finish = () => {
    reportRun(text, groups, found);
    groups = [];
    separator = "";
  };
  while (at < text.length) {
    if (!isDigit(text.charCodeAt(at))) {
      at++;
      continue;
    }
    const start = at;
    while (at < text.length && isDigit(text.charCodeAt(at))) at++;
    groups.push({ start, end: at });
    const next = text.charAt(at);
    const goesOn = isSeparator(next) && isDigit(text.charCodeAt(at + 1)) && (separator === "" || separator === next);
    if (goesOn) {
      separator = next;
      at++;
    } else finish();
  }
  finish();
}

/** Lengths by country (SWIFT, IBAN registry). */
const IBAN_LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 " +
    "IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 " +
    "SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
  )
    .split(" ")
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** Finds IBANs, written together or with spaces between the groups. */
export function findIbans(text: string, found: (hit: Found) => void): void {
  for (const { index } of text.matchAll(/(?<![A-Za-z\d])[A-Z]{2}\d{2}(?= ?[A-Z\d]{4})/g)) {
    const length = IBAN_LENGTHS.get(text.slice(index, index + 2)) ?? 0;
    let compact = "";
    let at = index;
    while (compact.length < length) {
      const letter = text.charAt(at);
      if (letter === " " && /[A-Z\d]/.test(text.charAt(at + 1))) at++;
      else if (/[A-Z\d]/.test(letter)) compact += text.charAt(at++);
      else break;
    }
    if (length > 0 && compact.length === length && !/[A-Za-z\d]/.test(text.charAt(at)) && isIban(compact))
      found({ start: index, end: at });
  }
}

/** True where the check digits are right (ISO 13616, modulo 97). */
function isIban(text: string): boolean {
  let rest = 0;
  for (const letter of text.slice(4) + text.slice(0, 4)) {
    const value = Number.parseInt(letter, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

interface Group {
  start: number;
  end: number;
}

function reportRun(text: string, groups: readonly Group[], found: (hit: Found) => void): void {
  for (let first = 0; first < groups.length; first++) {
    const taken = cardFrom(text, groups, first);
    if (taken === 0) continue;
    found({ start: groups[first]?.start ?? 0, end: groups[first + taken - 1]?.end ?? 0 });
    first += taken - 1;
  }
}

/** How many groups from `first` on make a card number; 0 for none. The longest wins. */
function cardFrom(text: string, groups: readonly Group[], first: number): number {
  let digits = "";
  let shape = "";
  let taken = 0;
  for (let last = first; last < groups.length && last < first + MAX_GROUPS; last++) {
    const group = groups[last];
    if (!group || group.end - group.start > 19) break;
    digits += text.slice(group.start, group.end);
    shape += `${shape === "" ? "" : ","}${group.end - group.start}`;
    if (digits.length > 19) break;
    const isShape = last === first || SHAPES.has(shape);
    if (isShape && standsAlone(text, groups[first]?.start ?? 0, group.end) && isCardNumber(digits)) taken = last - first + 1;
  }
  return taken;
}

/** A number inside a word (a hash, a file name's digest) or behind a decimal point is no card. */
function standsAlone(text: string, start: number, end: number): boolean {
  if (isLetter(text.charCodeAt(start - 1)) || isLetter(text.charCodeAt(end))) return false;
  if (text.charAt(start - 1) === "." && isDigit(text.charCodeAt(start - 2))) return false;
  return !(text.charAt(end) === "." && isDigit(text.charCodeAt(end + 1)) && text.charAt(start + 4) !== ".");
}

function isSeparator(letter: string): boolean {
  return (
    letter === " " ||
    letter === "-" ||
    letter === "." ||
    letter === "\u00a0" ||
    letter === "+" ||
    letter === "_" ||
    letter === "\u2009"
  );
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isLetter(code: number): boolean {
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
}
