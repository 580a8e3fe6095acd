/** Reports of a browser that a page did what its content security policy forbids, in both shapes that browsers send. */

import type { Digested } from "../digested.ts";
import { MAX_TEXT } from "./bounds.ts";
import { errorIdOf, eventIdOf } from "./ids.ts";
import { createReader, fieldsOf, get, isFields, type Fact, type Fields } from "./reader.ts";
import type { Received } from "./sdk-event.ts";
import { Unreadable } from "./unreadable.ts";

/**
 * The occurrence that a report describes: what was blocked by which directive.
 * @throws Unreadable for a body that holds no report
 */
export function readCspReport(body: unknown, received: Received): Digested {
  const report = findReport(body);
  if (!report) throw new Unreadable("the item is no report of a content security policy");
  const reader = createReader();
  const text = (...names: string[]) => {
    for (const name of names) {
      const said = reader.text(get(report, name), MAX_TEXT.address);
      if (said !== "") return said;
    }
    return "";
  };
  const directive = (
    text("effective-directive", "effectiveDirective", "violated-directive", "violatedDirective").split(" ")[0] ?? ""
  ).slice(0, 64);
  const blocked = text("blocked-uri", "blockedURL", "blockedURI");
  const url = text("document-uri", "documentURL", "documentURI");
  const facts: [string, Fact][] = reader
    .pairs(report, 24, "facts of the report")
    .map(([name, value]) => [reader.text(name, MAX_TEXT.name), reader.fact(value, MAX_TEXT.fact)]);
  const { projectId, receivedAt, head } = received;
  const eventId = eventIdOf(received, undefined);
  const what = originOf(blocked);
  return {
    errorId: errorIdOf(projectId, eventId),
    projectId,
    eventId,
    source: "sdk",
    receivedAt,
    at: receivedAt,
    sessionId: null,
    tab: null,
    userId: null,
    level: "warning",
    type: "",
    message: `Content security policy: ${directive === "" ? "something" : directive} blocked ${what}`,
    culprit: directive,
    transaction: "",
    release: head.release,
    environment: head.environment,
    platform: "javascript",
    url,
    tags: { ...(directive === "" ? {} : { "effective-directive": directive }), "blocked-uri": what },
    detail: {
      exceptions: [],
      frames: [],
      template: "",
      fingerprint: [],
      breadcrumbs: [],
      request:
        url === ""
          ? null
          : { url, method: "", query: "", headers: head.user_agent === "" ? [] : [["User-Agent", head.user_agent]], body: "" },
      user: null,
      contexts: { csp: Object.fromEntries(facts) },
      sdk: head.sdk,
      serverName: "",
      dist: "",
      traceId: "",
      replayId: "",
      notes: reader.notes(),
    },
  };
}

function findReport(body: unknown): Fields | null {
  const first: unknown = Array.isArray(body) ? body.find((one) => isFields(get(one, "body"))) : body;
  for (const name of ["csp-report", "body"]) {
    const inner = fieldsOf(first, name);
    if (Object.keys(inner).length > 0) return inner;
  }
  return null;
}

/** Where the blocked thing is from, without what differs each time. */
function originOf(blocked: string): string {
  if (blocked === "") return "something";
  if (!/^https?:/i.test(blocked)) return (blocked.split(":")[0] ?? blocked).slice(0, 64);
  return URL.canParse(blocked) ? new URL(blocked).host : blocked.slice(0, 64);
}
