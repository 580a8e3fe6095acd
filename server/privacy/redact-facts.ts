/** Redaction of what rides beside the payloads: markers, and what a page says of itself. Bounded as the wire bounds it. */

import type { Cause, Marker } from "../../protocol/markers.ts";
import type { SessionStart, SessionUpdate } from "../../protocol/tracker-messages.ts";
import type { Redactor } from "./redactor.ts";

/** Longest texts that the wire allows (`protocol/markers.ts`, `protocol/session.ts`): a redacted text is no longer. */
const MAX = { name: 256, text: 2_048, stack: 16_384, fact: 1_024, url: 4_096, title: 512, userId: 256 } as const;

type Facts = Record<string, string | number | boolean | null>;

/** The redactors of a project: `ids` for the site's own ids of people, which may be e-mail addresses but no cards or tokens. */
export interface FactRedactors {
  all: Redactor;
  ids: Redactor;
}

/** The markers of a batch without their secrets. */
export function redactMarkers({ all }: FactRedactors, markers: readonly Marker[]): Marker[] {
  return markers.map((marker) => ({
    kind: marker.kind,
    at: marker.at,
    ...(marker.name === undefined ? {} : { name: clean(all, marker.name, MAX.name) }),
    ...(marker.text === undefined ? {} : { text: clean(all, marker.text, MAX.text) }),
    ...(marker.stack === undefined ? {} : { stack: clean(all, marker.stack, MAX.stack) }),
    ...(marker.causes === undefined ? {} : { causes: marker.causes.map((cause) => cleanCause(all, cause)) }),
    ...(marker.data === undefined ? {} : { data: cleanFacts(all, marker.data) }),
  }));
}

function cleanCause(redactor: Redactor, { name, text, stack, ...place }: Cause): Cause {
  return {
    ...place,
    ...(name === undefined ? {} : { name: clean(redactor, name, MAX.name) }),
    ...(text === undefined ? {} : { text: clean(redactor, text, MAX.text) }),
    ...(stack === undefined ? {} : { stack: clean(redactor, stack, MAX.stack) }),
  };
}

/** A `session_start` without its secrets. */
export function redactStart(redactors: FactRedactors, start: SessionStart): SessionStart {
  const { all } = redactors;
  return {
    ...start,
    ...redactShared(redactors, start),
    url: clean(all, start.url, MAX.url),
    title: clean(all, start.title, MAX.title),
    ...(typeof start.referrer === "string" ? { referrer: clean(all, start.referrer, MAX.url) } : {}),
  };
}

/** A `session_update` without its secrets. */
export function redactUpdate(redactors: FactRedactors, update: SessionUpdate): SessionUpdate {
  const { all } = redactors;
  return {
    ...update,
    ...redactShared(redactors, update),
    ...(update.url === undefined ? {} : { url: clean(all, update.url, MAX.url) }),
    ...(update.title === undefined ? {} : { title: clean(all, update.title, MAX.title) }),
  };
}

function redactShared({ all, ids }: FactRedactors, said: Pick<SessionUpdate, "userId" | "traits">) {
  return {
    ...(typeof said.userId === "string" ? { userId: clean(ids, said.userId, MAX.userId) } : {}),
    ...(said.traits === undefined ? {} : { traits: cleanFacts(all, said.traits) }),
  };
}

function clean(redactor: Redactor, text: string, max: number): string {
  const redacted = redactor.text(text);
  return redacted === text ? text : redacted.slice(0, max).toWellFormed();
}

/** Facts hold scalars only, and go on doing so. */
function cleanFacts(redactor: Redactor, facts: Readonly<Facts>): Facts {
  const cleaned: Facts = Object.create(null) as Facts;
  const redacted = redactor.value({ ...facts });
  for (const [name, value] of Object.entries(typeof redacted === "object" && redacted !== null ? redacted : {})) {
    const one: unknown = value;
    if (typeof one === "string") cleaned[name] = one.slice(0, MAX.fact).toWellFormed();
    else if (typeof one === "number" || typeof one === "boolean" || one === null) cleaned[name] = one;
  }
  return { ...cleaned };
}
