/** From a row of `session_errors` to what is known of the error. */

import * as v from "valibot";
import type { ChainedException } from "../../protocol/occurrence.ts";
import { viewportSchema } from "../../protocol/session.ts";
import type { Digested } from "../digested.ts";
import { MAX_COUNT, MAX_TEXT } from "./bounds.ts";
import { createReader, get, isFields, numberOf, type Fact, type Reader } from "./reader.ts";
import { readStackText } from "./stack-text.ts";
import { toBreadcrumbs } from "./tracker-breadcrumbs.ts";
import type { StoredError, StoredMarker } from "./tracker-queries.ts";

/** Fields of `data` that are told elsewhere. */
const TAKEN: ReadonlySet<string> = new Set(["handled", "mechanism", "release", "environment", "causes", "level"]);

/** The occurrence of a tracker's error; `markers` are those before it in its tab, newest first. */
export function readTrackerError(error: StoredError, receivedAt: number, markers: readonly StoredMarker[]): Digested {
  const reader = createReader();
  const { data } = error;
  const exceptions = readChain(reader, error);
  const release = reader.text(get(data, "release") ?? error.release, MAX_TEXT.name);
  const environment = reader.text(get(data, "environment") ?? error.environment, MAX_TEXT.name);
  const userAgent = reader.text(error.user_agent, MAX_TEXT.header);
  const userId = reader.text(error.user_id, MAX_TEXT.name);
  return {
    errorId: error.error_id,
    projectId: error.project_id,
    eventId: error.error_id.replaceAll("-", ""),
    source: "tracker",
    receivedAt,
    at: error.at,
    sessionId: error.session_id,
    tab: error.tab,
    userId: userId === "" ? null : userId,
    level: "error",
    type: "",
    message: "",
    culprit: "",
    transaction: "",
    release,
    environment,
    platform: "javascript",
    url: error.url,
    tags: {},
    detail: {
      exceptions,
      frames: [],
      template: "",
      fingerprint: [],
      request: {
        url: error.url,
        method: "",
        query: "",
        headers: userAgent === "" ? [] : [["User-Agent", userAgent]],
        body: "",
      },
      user: readPerson(reader, error, userId),
      contexts: readContexts(reader, error),
      breadcrumbs: toBreadcrumbs(reader, markers),
      sdk: { name: "watchback.tracker", version: "" },
      serverName: "",
      dist: "",
      traceId: "",
      replayId: "",
      notes: reader.notes(),
    },
  };
}

function readChain(reader: Reader, error: StoredError): ChainedException[] {
  const { data } = error;
  const handled = get(data, "handled");
  const mechanism = {
    type: reader.text(get(data, "mechanism"), MAX_TEXT.name),
    handled: typeof handled === "boolean" ? handled : null,
    synthetic: false,
  };
  const causes = reader
    .list(get(data, "causes"))
    .filter(isFields)
    .slice(0, MAX_COUNT.exceptions - 1);
  const parts = causes.map((cause, index) => ({
    type: reader.text(get(cause, "name"), MAX_TEXT.name),
    value: reader.text(get(cause, "text"), MAX_TEXT.message),
    source: reader.text(get(cause, "source"), MAX_TEXT.name),
    id: index + 1,
    parentId: Math.min(index, Math.max(0, Math.floor(numberOf(get(cause, "of")) ?? 0))),
    frames: readStackText(reader, reader.text(get(cause, "stack"), MAX_STACK)),
  }));
  // One that gathers several is a group, as SDKs have it; a chain of causes is none.
  const gathers = new Set(parts.filter(({ source }) => source.startsWith("errors")).map(({ parentId }) => parentId));
  const group = (id: number) => (gathers.has(id) ? { isGroup: true } : {});
  return [
    {
      type: error.type,
      value: error.message,
      mechanism,
      ...(parts.length > 0 ? { id: 0 } : {}),
      ...group(0),
      frames: readStackText(reader, error.stack),
    },
    ...parts.map((part) => ({ ...part, ...group(part.id) })),
  ];
}

const MAX_STACK = 16_384;

/** What the site tells of the person, by the names that sites use. */
function readPerson(reader: Reader, { traits }: StoredError, id: string): Digested["detail"]["user"] {
  const email = reader.text(get(traits, "email"), MAX_TEXT.name);
  const name = reader.text(get(traits, "name") ?? get(traits, "username"), MAX_TEXT.name);
  return id === "" && email === "" && name === "" ? null : { id, email, name, address: "" };
}

function readContexts(reader: Reader, error: StoredError): Digested["detail"]["contexts"] {
  const state = reader
    .pairs(error.data, MAX_COUNT.facts, "facts of the page")
    .filter(([name]) => !TAKEN.has(name))
    .map(([name, value]): [string, Fact] => [reader.text(name, MAX_TEXT.name), reader.fact(value, MAX_TEXT.fact)]);
  const page: [string, Fact][] = [
    ["title", reader.text(error.title, MAX_TEXT.name)],
    ["language", reader.text(error.language, 64)],
    ["timeZone", reader.text(error.time_zone, 64)],
    ["viewport", v.is(viewportSchema, error.viewport) ? `${error.viewport.width} × ${error.viewport.height}` : ""],
  ];
  const known = page.filter(([, value]) => value !== "" && value !== null);
  return {
    ...(state.length > 0 ? { state: Object.fromEntries(state) } : {}),
    ...(known.length > 0 ? { page: Object.fromEntries(known) } : {}),
  };
}
