/** Tags, and groups of facts, as SDKs send them in their several shapes. */

import type { OccurrenceDetail } from "../../protocol/occurrence.ts";
import { MAX_COUNT, MAX_TEXT } from "./bounds.ts";
import { get, isFields, type Fact, type Fields, type Reader } from "./reader.ts";

/** Contexts whose facts are columns or fields of their own. */
const TAKEN: ReadonlySet<string> = new Set(["trace", "replay"]);

/** Tags by name; numbers and booleans as text, nothing for null. */
export function readTags(reader: Reader, event: Fields): Record<string, string> {
  const tags = reader
    .pairs(get(event, "tags"), MAX_COUNT.tags, "tags")
    .map(([name, value]): [string, string] => [
      reader.text(name, MAX_TEXT.name),
      reader.text(typeof value === "object" && value !== null ? reader.fact(value, MAX_TEXT.tag) : value, MAX_TEXT.tag),
    ]);
  return Object.fromEntries(tags.filter(([name, value]) => name !== "" && value !== ""));
}

/** Contexts by name, with what was put beside the event by hand as `extra`. */
export function readContexts(reader: Reader, event: Fields): OccurrenceDetail["contexts"] {
  const groups: [string, Record<string, Fact>][] = reader
    .pairs(get(event, "contexts"), MAX_COUNT.contexts, "contexts")
    .filter(([name]) => !TAKEN.has(name))
    .map(([name, value]) => [reader.text(name, MAX_TEXT.name), readFacts(reader, value, MAX_TEXT.fact)]);
  groups.push(["extra", readFacts(reader, get(event, "extra"), MAX_TEXT.extra)]);
  return Object.fromEntries(groups.filter(([name, facts]) => name !== "" && Object.keys(facts).length > 0));
}

function readFacts(reader: Reader, value: unknown, max: number): Record<string, Fact> {
  if (!isFields(value)) return value === undefined || value === null ? {} : { value: reader.fact(value, max) };
  const facts = reader
    .pairs(value, MAX_COUNT.facts, "facts of a context")
    // What SDKs write beside a context to say what it is.
    .filter(([name]) => name !== "type")
    .map(([name, inner]): [string, Fact] => [reader.text(name, MAX_TEXT.name), reader.fact(inner, max)]);
  return Object.fromEntries(facts);
}
