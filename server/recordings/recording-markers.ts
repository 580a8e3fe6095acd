/** Breadcrumbs and spans of a Sentry recording as markers of a timeline. */

import * as v from "valibot";
import { MAX_BATCH_MARKERS } from "../../protocol/limits.ts";
import { markerSchema, type Marker, type MarkerKind } from "../../protocol/markers.ts";
import { RRWEB, type RrwebEvent } from "../../protocol/rrweb-event.ts";
import { toMilliseconds } from "./repair-events.ts";

type Facts = Readonly<Record<string, unknown>>;
type Scalar = string | number | boolean | null;

/** A marker has room for 32, and some are added to these. */
const MAX_FACTS = 24;

/** Measured every few seconds, or once for each file of a page: they would hide everything else. */
const NOISE = /^(?:memory|resource\.(?!fetch$|xhr$).*)$/;
/** The first give way to the others where there are too many. */
const LEAST_TELLING: readonly MarkerKind[] = ["console", "custom", "click", "console_error"];

/**
 * The markers in some events, in order of time, at most {@link MAX_BATCH_MARKERS}.
 * @param events repaired ones
 */
export function markersOf(events: readonly RrwebEvent[]): Marker[] {
  const found = events.flatMap((event) => {
    const marker = event.type === RRWEB.custom ? toMarker(event, toFacts(event["data"])) : null;
    if (marker === null) return [];
    const checked = v.safeParse(markerSchema, marker);
    return checked.success ? [checked.output] : [];
  });
  return keepTelling(found).sort((one, other) => one.at - other.at);
}

function keepTelling(markers: readonly Marker[]): Marker[] {
  let kept = [...markers];
  for (const kind of LEAST_TELLING) {
    let over = kept.length - MAX_BATCH_MARKERS;
    if (over > 0) kept = kept.filter((marker) => marker.kind !== kind || over-- <= 0);
  }
  return kept.slice(0, MAX_BATCH_MARKERS);
}

function toMarker(event: RrwebEvent, { tag, payload }: Facts): unknown {
  if (tag === "breadcrumb") return fromBreadcrumb(event.timestamp, toFacts(payload));
  if (tag === "performanceSpan") return fromSpan(event.timestamp, toFacts(payload));
  return null;
}

function fromBreadcrumb(eventAt: number, crumb: Facts): unknown {
  const data = toFacts(crumb["data"]);
  const at = toAt(crumb["timestamp"]) ?? eventAt;
  const category = toText(crumb["category"]);
  const message = toText(crumb["message"]);
  switch (category) {
    case "ui.click":
      return { kind: "click", at, name: message, text: textOfNode(data), data: scalars(data) };
    case "ui.multiClick":
      return { kind: "rage_click", at, name: message, text: textOfNode(data), data: scalars(data) };
    case "navigation":
      return { kind: "navigation", at, name: toText(data["to"]), text: message, data: scalars(data) };
    case "console":
      return { kind: crumb["level"] === "error" ? "console_error" : "console", at, name: toText(crumb["level"]), text: message };
    default: {
      const level = toText(crumb["level"]);
      const facts = { ...scalars(data), ...(level === "" ? {} : { level }) };
      return { kind: "custom", at, name: category === "" ? "breadcrumb" : category, text: message, data: facts };
    }
  }
}

function fromSpan(eventAt: number, span: Facts): unknown {
  const op = toText(span["op"]);
  if (NOISE.test(op)) return null;
  const data = toFacts(span["data"]);
  const at = toAt(span["startTimestamp"]) ?? eventAt;
  const endAt = toAt(span["endTimestamp"]) ?? at;
  const address = toText(span["description"]);
  const durationMs = Math.max(0, Math.round(endAt - at));
  switch (op) {
    case "resource.fetch":
    case "resource.xhr": {
      const status = typeof data["statusCode"] === "number" ? data["statusCode"] : 0;
      const method = typeof data["method"] === "string" ? data["method"] : "GET";
      const facts = { method, status, durationMs, url: address };
      // A request without an answer has the status 0.
      if (status === 0 || status >= 400)
        return { kind: "failed_request", at, name: address, text: `${method} ${status}`, data: facts };
      return { kind: "custom", at, name: "request", text: `${method} ${address}`, data: facts };
    }
    case "navigation.navigate":
    case "navigation.reload":
    case "navigation.back_forward":
      return { kind: "page_load", at, name: address, data: { durationMs, how: op.slice("navigation.".length) } };
    case "navigation.push":
      // The breadcrumb of the same moment says it already.
      return null;
    default: {
      const facts = { ...scalars(data), durationMs };
      return { kind: "custom", at, name: op === "" ? "span" : op, text: address, data: facts };
    }
  }
}

function textOfNode(data: Facts): string {
  const node = toFacts(data["node"]);
  return toText(node["textContent"]);
}

/** The facts that a marker can hold. */
function scalars(data: Facts): Record<string, Scalar> {
  const entries = Object.entries(data)
    .slice(0, MAX_FACTS)
    .flatMap(([name, value]) => (isScalar(value) && name !== "nodeId" && name !== "__proto__" ? [[name, value] as const] : []));
  return Object.fromEntries(entries);
}

function isScalar(value: unknown): value is Scalar {
  return (
    value === null ||
    typeof value === "string" ||
    typeof value === "boolean" ||
    (typeof value === "number" && Number.isFinite(value))
  );
}

function toAt(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? toMilliseconds(value) : null;
}

function toFacts(value: unknown): Facts {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
