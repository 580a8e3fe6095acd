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
  const { own, places } = grouped;
  const found = find(grouped, book);
  const isHere = firstKnown(placesToTry(places), book) !== null;
  const isElsewhere = found !== null && places !== null && !isHere && isByWords(found.because) && book.isPlaced(found.target);
  const assigned: Assigned<Target> =
    found === null
      ? { target: begin(), key: own, because: "new" }
      : isElsewhere
        ? { target: begin(), key: places.exact, because: "other_place" }
        : found;
  const byPlace = places ? [places.exact, ...(places.hasName ? [places.any] : [])] : [];
  for (const key of isElsewhere ? byPlace : [own, ...byPlace]) if (!book.find(key)) book.add(key, assigned.target, assigned.key);
  return assigned;
}

function find<Target>({ own, older, places }: Grouped, book: KeyBook<Target>): Assigned<Target> | null {
  const words = book.find(own);
  if (words?.isByHand) return { target: words.target, key: own, because: "by_hand" };
  const place = firstKnown(placesToTry(places), book);
  if (place) {
    const { target, isByHand } = place.known;
    if (isByHand) return { target, key: place.key, because: "by_hand" };
    return words?.target === target ? { target, key: own, because: "words" } : { target, key: place.key, because: "place" };
  }
  if (words) return { target: words.target, key: own, because: "words" };
  const old = firstKnown(older, book);
  return old && { target: old.known.target, key: old.key, because: "older_words" };
}

/** With a name: the same name, or none at all. Without one: none, or whatever name was there first. */
function placesToTry(places: Grouped["places"]): readonly Key[] {
  if (!places) return [];
  return places.hasName ? [places.exact, places.unnamed] : [places.unnamed, places.any];
}

function firstKnown<Target>(keys: readonly Key[], book: KeyBook<Target>): { key: Key; known: KnownKey<Target> } | null {
  for (const key of keys) {
    const known = book.find(key);
    if (known) return { key, known };
  }
  return null;
}

function isByWords(because: Because): boolean {
  return because === "words" || because === "older_words";
}
