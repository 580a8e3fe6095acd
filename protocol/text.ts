/** Outside strings: cleaned and cut at the door, so that no later room has to. */

import * as v from "valibot";

/** Drops U+0000 and mends lone surrogates; both break `jsonb` in Postgres (measured, SQLSTATE 22P05 and 22P02). */
export function cleanText(text: string): string {
  return (text.includes("\u0000") ? text.replaceAll("\u0000", "") : text).toWellFormed();
}

/** A schema for outside text of at most `max` UTF-16 units: longer text is cut, never refused. */
export function text(max: number) {
  return v.pipe(
    v.string(),
    v.transform((value) => cleanText(value.length > max ? value.slice(0, max) : value)),
  );
}

/** Epoch milliseconds as a page's clock gives them; fractions are allowed, nonsense is not. */
export const at = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(8.64e15));

/** A count, size or duration: a whole number from 0. */
export const natural = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
