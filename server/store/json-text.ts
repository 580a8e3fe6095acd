/** Values of outside origin as JSON that `jsonb` takes. */

import { cleanText } from "../../protocol/text.ts";

/** What `JSON.stringify` writes for U+0000 and for a lone surrogate: what `jsonb` refuses (SQLSTATE 22P05, 22P02). */
const SUSPECT = /\\u(?:0000|d[89a-f])/i;

/** The JSON text of a value, with its strings and keys cleaned where they need it. */
export function toJsonText(value: unknown): string {
  const text = JSON.stringify(value);
  return SUSPECT.test(text) ? JSON.stringify(clean(value)) : text;
}

function clean(value: unknown): unknown {
  if (typeof value === "string") return cleanText(value);
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [cleanText(key), clean(inner)]));
}
