/** What an event says of the request, the user, and of what happened before. */

import type { Breadcrumb, Level, OccurrenceDetail } from "../../protocol/occurrence.ts";
import { MAX_COUNT, MAX_TEXT } from "./bounds.ts";
import { fieldsOf, get, isFields, type Fact, type Fields, type Reader } from "./reader.ts";
import type { TimeFrame } from "./times.ts";

/** The request that was being answered, or the page; cookies and the server's environment are left out. */
export function readRequest(reader: Reader, event: Fields): OccurrenceDetail["request"] {
  const request = fieldsOf(event, "request");
  if (Object.keys(request).length === 0) return null;
  const headers = reader
    .pairs(get(request, "headers"), MAX_COUNT.headers, "headers of the request")
    .filter(([name]) => !/^(?:set-)?cookie$/i.test(name))
    .map(([name, value]) => [reader.text(name, MAX_TEXT.name), reader.text(firstOf(value), MAX_TEXT.header)] as const);
  return {
    url: reader.text(get(request, "url"), MAX_TEXT.address),
    method: reader.text(get(request, "method"), 16).toUpperCase(),
    query: readQuery(reader, get(request, "query_string") ?? get(request, "query")),
    headers,
    body: reader.text(reader.fact(get(request, "data"), MAX_TEXT.body), MAX_TEXT.body),
  };
}

function readQuery(reader: Reader, query: unknown): string {
  if (typeof query !== "object" || query === null) return reader.text(query, MAX_TEXT.address).replace(/^\?/, "");
  const pairs = reader.pairs(query, MAX_COUNT.facts, "parameters of the request");
  const search = new URLSearchParams();
  for (const [name, value] of pairs) search.append(name, String(reader.fact(value, MAX_TEXT.fact) ?? ""));
  return search.toString().slice(0, MAX_TEXT.address);
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : value;
}

/** The person, where the SDK tells. An address that is to be guessed from the connection is not. */
export function readUser(reader: Reader, event: Fields): OccurrenceDetail["user"] {
  const user = fieldsOf(event, "user");
  const text = (name: string) => reader.text(get(user, name), MAX_TEXT.name);
  const username = text("username");
  const address = text("ip_address");
  const said = { id: text("id"), email: text("email"), name: username === "" ? text("name") : username };
  const known = { ...said, address: address.includes("{{") ? "" : address };
  return Object.values(known).some((value) => value !== "") ? known : null;
}

/** The newest breadcrumbs, oldest first. */
export function readBreadcrumbs(reader: Reader, event: Fields, times: TimeFrame): Breadcrumb[] {
  const given = reader.list(get(event, "breadcrumbs")).filter(isFields);
  if (given.length > MAX_COUNT.breadcrumbs) reader.note(`only the last ${MAX_COUNT.breadcrumbs} breadcrumbs are kept`);
  // The newest are read first: they are what remains where the occurrence is full.
  return given
    .slice(-MAX_COUNT.breadcrumbs)
    .toReversed()
    .map((crumb) => readBreadcrumb(reader, crumb, times))
    .toReversed();
}

function readBreadcrumb(reader: Reader, crumb: Fields, times: TimeFrame): Breadcrumb {
  const data: [string, Fact][] = reader
    .pairs(get(crumb, "data"), MAX_COUNT.breadcrumbFacts, "data of a breadcrumb")
    .map(([name, value]) => [reader.text(name, MAX_TEXT.name), reader.fact(value, MAX_TEXT.fact)]);
  return {
    at: times.of(get(crumb, "timestamp")),
    category: reader.text(get(crumb, "category"), MAX_TEXT.name),
    type: reader.text(get(crumb, "type"), MAX_TEXT.name),
    level: readLevel(get(crumb, "level"), "info"),
    message: reader.text(get(crumb, "message"), MAX_TEXT.breadcrumb),
    data: Object.fromEntries(data),
  };
}

/** A level, whatever an SDK calls it. */
export function readLevel(value: unknown, fallback: Level): Level {
  switch (typeof value === "string" ? value.slice(0, 16).toLowerCase() : value) {
    case "fatal":
    case "critical":
    case "crash":
      return "fatal";
    case "error":
      return "error";
    case "warning":
    case "warn":
      return "warning";
    case "info":
    case "log":
    case "notice":
      return "info";
    case "debug":
    case "trace":
      return "debug";
    default:
      return fallback;
  }
}
