/** The keys by which an occurrence finds its issue: what each of them is made of. A changed algorithm is another mechanism. */

import { createHash } from "node:crypto";
import type { ChainedException } from "../../protocol/occurrence.ts";
import type { Digested } from "../digested.ts";
import type { IssueSettings } from "../issue-settings.ts";
import { mainException } from "./main-exception.ts";
import { firstLine, parameterise, type Replaced } from "./parameterise.ts";
import { findPlaces, type Place, type Places } from "./place.ts";
import { type EngineFault, readEngineFault } from "./wording.ts";

/** `v1`: what the error says. `frames1`: where it was thrown. */
export type Mechanism = "v1" | "frames1";

/** What a key is made of; nested where a fingerprint holds the default. */
export type KeyPart = string | readonly KeyPart[];

/** A key: the hash of its parts as a JSON array. */
export interface Key {
  mechanism: Mechanism;
  parts: readonly KeyPart[];
  /** SHA-256 of the array's JSON, in hex. */
  hash: string;
}

/** The keys by the place: those that are tried, in this order, and those that lead to its issue from then on. */
export interface PlaceKeys {
  tried: readonly Key[];
  kept: readonly Key[];
}

/** How an occurrence is grouped, and why. */
export interface Grouped {
  /** What the mechanism went by. */
  by: "fingerprint" | "exception" | "message" | "nothing";
  own: Key;
  /** Keys of an earlier setting that also lead to its issue. */
  older: readonly Key[];
  places: PlaceKeys | null;
  /** What is behind the keys, for people. */
  main: ChainedException | null;
  /** The first line without what differs from one occurrence to the next. */
  words: string;
  replaced: readonly Replaced[];
  fault: EngineFault | null;
  place: Places | null;
}

const MAX_TYPE = 128;
const MAX_ROUTE = 512;
const MAX_FINGERPRINT_PARTS = 32;
const DEFAULT_PART = /^\{\{\s*default\s*\}\}$/i;

/** The keys of an occurrence under these settings. */
export function keysOf(digested: Digested, settings: IssueSettings): Grouped {
  const said = wordsOf(digested);
  const withRoute = [...said.parts, digested.transaction.slice(0, MAX_ROUTE)];
  const preferred = settings.routeSplits ? withRoute : said.parts;
  const fingerprint = digested.detail.fingerprint.slice(0, MAX_FINGERPRINT_PARTS);
  const isDefault = fingerprint.every((part) => DEFAULT_PART.test(part.trim()));
  if (!isDefault) {
    const expand = (inner: readonly KeyPart[]) =>
      makeKey("v1", ["fingerprint", ...fingerprint.map((part): KeyPart => (DEFAULT_PART.test(part.trim()) ? inner : part))]);
    const own = expand(preferred);
    const older = settings.routeSplits ? [] : [expand(withRoute)].filter(({ hash }) => hash !== own.hash);
    return { ...said, by: "fingerprint", own, older, places: null, fault: null, place: null };
  }
  const own = makeKey("v1", preferred);
  const older = settings.routeSplits ? [] : [makeKey("v1", withRoute)];
  const places = settings.placeJoins && said.fault && said.place ? placeKeys(said.fault, said.place) : null;
  return { ...said, own, older, places };
}

interface Said extends Pick<Grouped, "by" | "main" | "words" | "replaced" | "fault" | "place"> {
  parts: readonly string[];
}

function wordsOf(digested: Digested): Said {
  const main = mainOf(digested);
  if (main) {
    const { words, replaced } = parameterise(firstLine(main.value));
    const isSynthetic = main.mechanism?.synthetic === true;
    // A synthetic type says how it was caught. Where it says nothing else, the function does.
    const type = isSynthetic && words !== "" ? "" : main.type.slice(0, MAX_TYPE);
    const value = isSynthetic && words === "" ? (main.frames.find((frame) => frame.inApp)?.function ?? "") : words;
    const fault = isSynthetic ? null : readEngineFault(main.type, main.value);
    const place = fault && findPlaces(main, fault);
    return { by: "exception", parts: ["exception", type, value], main, words, replaced, fault, place };
  }
  const text = firstLine(digested.detail.template) || firstLine(digested.message);
  const { words, replaced } = parameterise(text);
  const rest = { main: null, words, replaced, fault: null, place: null };
  if (words !== "") return { by: "message", parts: ["message", words], ...rest };
  return { by: "nothing", parts: ["nothing", digested.culprit.slice(0, MAX_ROUTE)], ...rest };
}

/** The error that it is about: of its chain, or what its columns say where there is none. */
export function mainOf({ type, message, detail }: Digested): ChainedException | null {
  const main = mainException(detail.exceptions);
  if (main || type === "") return main;
  return { type, value: message, frames: detail.frames };
}

/**
 * With an engine's name for the property: the same name, or none at all. Without one: none, or whatever name was there first. The function
 * around is tried and kept under another word, so that an error of it and one of the function in it meet, whichever comes first.
 */
function placeKeys(fault: EngineFault, { inner, outer }: Places): PlaceKeys {
  const at = keysAt("in", fault, inner);
  const inlined = keysAt("around", fault, inner);
  if (!outer) return { tried: [...at.tried, ...inlined.tried], kept: at.kept };
  return {
    tried: [...at.tried, ...inlined.tried, ...keysAt("in", fault, outer).tried],
    kept: [...at.kept, ...keysAt("around", fault, outer).kept],
  };
}

function keysAt(where: "in" | "around", { kind, name }: EngineFault, place: Place): PlaceKeys {
  const key = (last: KeyPart) =>
    makeKey("frames1", [
      where,
      kind,
      place.file,
      place.function,
      ...(place.function === "" ? [place.before, place.line] : []),
      last,
    ]);
  const [unnamed, any] = [key(["unnamed"]), key(["any"])];
  return name === "" ? { tried: [unnamed, any], kept: [unnamed] } : { tried: [key(name), unnamed], kept: [key(name), any] };
}

function makeKey(mechanism: Mechanism, parts: readonly KeyPart[]): Key {
  return { mechanism, parts, hash: createHash("sha256").update(JSON.stringify(parts)).digest("hex") };
}
