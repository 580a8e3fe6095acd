/**
 * Takes out of a text what differs from one occurrence of an error to the next: addresses, ids, dates, numbers. What is left names the bug.
 * Every pattern is bounded, and the text is cut first, so that no text takes long.
 */

import { isIP } from "node:net";
import { maskAssetHashes } from "./asset-hash.ts";

/** Longest text that is looked at. */
export const MAX_WORDS = 1_024;

/** What was taken out, e.g. `number`, and how often. */
export interface Replaced {
  what: string;
  count: number;
}

interface Rule {
  what: string;
  pattern: RegExp;
  /** Whether what was found is one after all. */
  isOne?: (found: string) => boolean;
}

const MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}";
const WEEKDAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}";
const CLOCK = "\\d{1,2}:\\d{2}(?::\\d{2}(?:[.,]\\d{1,9})?)?(?: ?[AaPp][Mm])?";
const ZONE = "(?: ?(?:Z|[+-]\\d{2}:?\\d{2}|(?:GMT|UTC)(?:[+-]\\d{2}:?\\d{2})?(?: \\([A-Za-z ]{1,60}\\))?))?";

const ISO_DATE = `\\d{4}-\\d{2}-\\d{2}(?:[T ]${CLOCK}${ZONE})?`;
const SPOKEN_DATE = `${WEEKDAY},? (?:${MONTH} \\d{1,2}|\\d{1,2} ${MONTH}),? \\d{4}(?:,? ${CLOCK})?${ZONE}`;
const LOCAL_DATE = `\\d{1,2}([/.])\\d{1,2}\\1\\d{4}(?:,? ${CLOCK})?`;
const TIME = `\\d{1,2}:\\d{2}:\\d{2}(?:[.,]\\d{1,9})?(?: ?[AaPp][Mm])?`;

/** In this order: what is found by one is not looked at by the next. */
const RULES: readonly Rule[] = [
  {
    what: "url",
    pattern:
      /\b(?:https?|wss?|ftp|file|blob|data|webpack|webpack-internal|app|[a-z]{3,10}-(?:web-)?extension):[^\s"'<>`)\]]{2,1024}/gi,
    isOne: (found) => /^(?:data|blob):|:\/\//i.test(found),
  },
  { what: "email", pattern: /(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g },
  { what: "uuid", pattern: /(?<![\w-])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![\w-])/gi },
  { what: "date", pattern: new RegExp(`(?<![\\w.:/-])(?:${ISO_DATE}|${SPOKEN_DATE}|${LOCAL_DATE}|${TIME})(?![\\w/-])`, "g") },
  {
    what: "ip",
    pattern: /(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?(?![\w]|\.\w)/g,
    isOne: (found) => isIP(found.replace(/:\d+$/, "")) === 4,
  },
  {
    what: "ip",
    pattern: /(?<![\w:.])(?=[0-9a-f:]{0,40}\d)[0-9a-f:]{2,40}(?:\.\d{1,3}){0,3}(?![\w:])/gi,
    isOne: (found) => found.includes(":") && isIP(found) === 6,
  },
  { what: "hex", pattern: /(?<!\w)0x[0-9a-f]{1,128}(?!\w)/gi },
  {
    what: "hex",
    pattern: /(?<!\w)[0-9a-f]{7,128}(?!\w)/gi,
    isOne: (found) => /\d/.test(found) && /[a-f]/i.test(found) && !/^\d+e\d+$/i.test(found),
  },
  { what: "id", pattern: /(?<![\w-])[A-Za-z0-9_-]{12,256}(?![\w-])/g, isOne: looksRandom },
  {
    what: "number",
    // Neither the numbers of React's errors nor those of HTTP's answers, which say which bug it is.
    pattern:
      /(?<!React error #|\b(?:HTTP|[Ss]tatus|[Ss]tatus[ -]?[Cc]ode)[ :=]{1,2}(?=[1-5]\d\d(?!\w)))(?<![\w.])(?<!React error #\d{0,4})[+-]?\d{1,40}(?:[.,]\d{1,40}){0,8}(?:e[+-]?\d{1,4})?(?=(?:ms|[smhd]|px|r?em|vh|vw|%|[kmgt]i?b|b)?(?!\w))/gi,
  },
];

/** The words that name the bug, cut at {@link MAX_WORDS}, with a word in angle brackets for each thing that was taken out. */
export function parameterise(text: string): { words: string; replaced: Replaced[] } {
  const counts = new Map<string, number>();
  let words = text.slice(0, MAX_WORDS);
  for (const { what, pattern, isOne } of RULES) {
    // File names come after addresses, which may hold some, and before the hexadecimal that is in them.
    if (what === "hex") words = withoutHashes(words, counts);
    words = words.replaceAll(pattern, (found: string) => {
      if (isOne && !isOne(found)) return found;
      counts.set(what, (counts.get(what) ?? 0) + 1);
      return `<${what}>`;
    });
  }
  return { words, replaced: [...counts].map(([what, count]) => ({ what, count })) };
}

/** The first line that says something, without the space around it. */
export function firstLine(text: string): string {
  for (const line of text.slice(0, 8 * MAX_WORDS).split(/[\r\n]+/, 64)) {
    const words = line.trim();
    if (words !== "") return words;
  }
  return "";
}

function withoutHashes(words: string, counts: Map<string, number>): string {
  const { text, count } = maskAssetHashes(words);
  if (count > 0) counts.set("hash", (counts.get("hash") ?? 0) + count);
  return text;
}

/** Letters and digits, or capitals, that change places too often for words: ids of records, requests and sessions. */
function looksRandom(found: string): boolean {
  return found.split(/[-_]/).some((run) => {
    if (run.length < 12 || !/[A-Za-z]/.test(run) || isName(run)) return false;
    if ((run.match(/\d[A-Za-z]|[A-Za-z]\d/g) ?? []).length >= 3) return true;
    return run.length >= 16 && 3 * tokensOf(run).length > run.length;
  });
}

/** The words, capitals and numbers of a name, as people write names of code. */
function tokensOf(run: string): string[] {
  return run.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+/g) ?? [];
}

/**
 * Names of code with digits in them, `base64ToUtf8Converter`, `EC2MetadataV2Error`: words that begin with capitals and can be spoken. Ids have
 * that shape hardly ever.
 */
function isName(run: string): boolean {
  const tokens = tokensOf(run);
  const fits = tokens.every((token, index) => {
    if (/^\d/.test(token)) return index > 0 && token.length <= 3;
    return /^[a-z]/.test(token) ? index === 0 : token.length <= 5 || /[a-z]/.test(token);
  });
  const words = tokens.filter((token) => /[a-z]/.test(token));
  const letters = words.join("").length;
  const isSpoken = words.every((word) => word.length < 3 || /[aeiouy]/i.test(word));
  return fits && /[A-Z]/.test(run) && isSpoken && letters >= words.length * 3 && 2 * letters > run.length;
}
