/** Which issue an occurrence belongs to, by the keys that are known. The same for what comes in and for a dry run. */

import type { Grouped, Key } from "./keys.ts";

/** Where a key leads; `Target` is an issue's id, or something that stands for a new one. */
export interface KnownKey<Target> {
  target: Target;
  /** Somebody split it off: it goes before every other key. */
  isByHand: boolean;
}

/** The keys of a project, as far as they matter here. */
export interface KeyBook<Target> {
  find(key: Key): KnownKey<Target> | undefined;
  /** Whether an issue has keys by the place. */
  isPlaced(target: Target): boolean;
  /** Notes that a key leads to an issue from now on, for the same reason as the key by which it was found. */
  add(key: Key, target: Target, foundBy: Key): void;
}

/** Why an occurrence is in its issue: by its words, by those of an earlier setting, by its place, by hand, or as the first of a new one. */
export type Because = "words" | "older_words" | "place" | "by_hand" | "new" | "other_place";

/** What was decided. */
export interface Assigned<Target> {
  target: Target;
  /** By which key. */
  key: Key;
  because: Because;
}

/**
 * Finds the issue of an occurrence, or begins one, and notes its keys in the book.
 *
 * 1. A key that somebody split off.
 * 2. The place, for errors in an engine's own words: it joins what browsers word differently.
 * 3. The words; but an engine's own words at another place than the are another bug, and begin an issue that is found by its place.
 */
export function assign<Target>(grouped: Grouped, book: KeyBook<Target>, begin: () => Target): Assigned<Target> {
  const { own, older, places } = grouped;
  const words = firstKnown([own, ...older], book);
  const place = firstKnown(places?.tried ?? [], book);
  const keep = (assigned: Assigned<Target>, keys: readonly Key[]): Assigned<Target> => {
    for (const key of keys) if (!book.find(key)) book.add(key, assigned.target, assigned.key);
    return assigned;
  };
  const all = [own, ...(places?.kept ?? [])];
  const byHand = [words, place].find((found) => found?.known.isByHand === true);
  if (byHand) return keep({ target: byHand.known.target, key: byHand.key, because: "by_hand" }, all);
  if (place && place.known.target !== words?.known.target) {
    return keep({ target: place.known.target, key: place.key, because: "place" }, all);
  }
  if (!words) return keep({ target: begin(), key: own, because: "new" }, all);
  const { target } = words.known;
  const [first] = places?.kept ?? [];
  if (!place && first && book.isPlaced(target)) {
    return keep({ target: begin(), key: first, because: "other_place" }, places?.kept ?? []);
  }
  return keep({ target, key: words.key, because: words.key === own ? "words" : "older_words" }, all);
}

function firstKnown<Target>(keys: readonly Key[], book: KeyBook<Target>): { key: Key; known: KnownKey<Target> } | null {
  for (const key of keys) {
    const known = book.find(key);
    if (known) return { key, known };
  }
  return null;
}
