/** Where Sentry SDKs and browsers send: envelopes, single events of old SDKs, and reports of a content security policy. */

import { AppError, toAppError } from "../app-error.ts";
import type { Logger } from "../log.ts";
import type { CorsHeaders, HttpRequest, HttpResponse, Route } from "../net/route.ts";
import { type Accept, rateLimitHeader, type Sender, type Verdict } from "./accept.ts";
import { type AcceptedRow, shortText, sortItems, type SortedItems, toSecurityRow } from "./accepted.ts";
import { keyOfDsn, readClaim } from "./claims.ts";
import { type Decoder, MAX_INFLATED_BYTES, MAX_WIRE_BYTES, UnknownEncoding } from "./decode-body.ts";
import { readEnvelope, type Envelope, type Header } from "./envelope.ts";
import { MAX_REPORTS_BYTES, readSecurityReports } from "./security-reports.ts";
import { MAX_STORED_BYTES, unwrapStoredEvent } from "./store-body.ts";

/** What an SDK in a page must be able to send and to read. */
const SDK_CORS: CorsHeaders = {
  expose: "x-sentry-error, x-sentry-rate-limits, retry-after",
  allow:
    "x-sentry-auth, x-requested-with, x-forwarded-for, origin, referer, accept, content-type, authentication, authorization, content-encoding, transfer-encoding, sentry-trace, baggage",
};

export interface AcceptRoutesDeps {
  accept: Accept;
  decoder: Decoder;
  log: Logger;
}

type Handler = (deps: AcceptRoutesDeps, request: HttpRequest) => Promise<HttpResponse>;

/** What all of them are: open to any page, with a body that the room itself reads and bounds. */
const COMMON = {
  cors: SDK_CORS,
  anyBody: true,
  hasOwnLimits: true,
  maxBodyBytes: MAX_WIRE_BYTES,
  query: { sentry_key: "project key; also in X-Sentry-Auth, and for envelopes in the dsn of their header" },
} as const;

/** The rows of the route table. SDKs write the closing slash, people leave it out. */
export function createAcceptRoutes(deps: AcceptRoutesDeps): readonly Route[] {
  const by = (handler: Handler) => (request: HttpRequest) =>
    handler(deps, request).catch((error: unknown) => refuse(deps, error));
  const routes: Route[] = [
    {
      method: "POST",
      path: "/api/:id/envelope/",
      access: "open",
      ...COMMON,
      summary: "Takes an envelope of a Sentry SDK; {id} of its event",
      handle: by(takeEnvelope),
    },
    {
      method: "POST",
      path: "/api/:id/store/",
      access: "open",
      ...COMMON,
      maxBodyBytes: MAX_STORED_BYTES,
      summary: "Takes one event of an old Sentry SDK; {id}",
      handle: by(takeStored),
    },
    {
      method: "POST",
      path: "/api/:id/security/",
      access: "open",
      ...COMMON,
      maxBodyBytes: MAX_REPORTS_BYTES,
      summary: "Takes reports of a content security policy, as browsers send them",
      handle: by(takeSecurity),
    },
  ];
  return routes.flatMap((route) => [route, { ...route, path: route.path.slice(0, -1) }]);
}

async function takeEnvelope({ accept, decoder }: AcceptRoutesDeps, request: HttpRequest): Promise<HttpResponse> {
  const claim = readClaim(request.query, request.headers);
  // With the key outside, strangers are turned away before anything is inflated for them.
  const known = claim.key === null ? null : await accept.admit(request, claim);
  return decoded({ accept, decoder }, request, MAX_INFLATED_BYTES, async (bytes) => {
    const envelope = readEnvelope(bytes);
    const key = () => keyOfDsn(envelope.header["dsn"], Number(request.params["id"]));
    const sender = known ?? (await accept.admit(request, { ...claim, key: key() }));
    const items = sortItems(envelope, accept.circumstances(sender, request));
    return answer(await accept.take(sender, items, envelope.malformed), items.eventId);
  });
}

async function takeStored({ accept, decoder }: AcceptRoutesDeps, request: HttpRequest): Promise<HttpResponse> {
  const sender = await accept.admit(request, readClaim(request.query, request.headers));
  return decoded({ accept, decoder }, request, MAX_STORED_BYTES, async (body) => {
    const payload = await unwrapStoredEvent(body, decoder);
    const header: Header = {};
    const envelope: Envelope = { header: {}, items: [{ type: "event", header, payload }], malformed: 0 };
    const items = sortItems(envelope, accept.circumstances(sender, request));
    return answer(await accept.take(sender, items, 0), items.eventId);
  });
}

async function takeSecurity({ accept, decoder }: AcceptRoutesDeps, request: HttpRequest): Promise<HttpResponse> {
  const sender = await accept.admit(request, readClaim(request.query, request.headers));
  return decoded({ accept, decoder }, request, MAX_REPORTS_BYTES, async (body) => {
    const { reports, malformed } = readSecurityReports(body);
    const rows = reports.map((report) => toRow(accept, sender, request, report));
    const items: SortedItems = { rows, counted: [], notKept: [], tooLarge: [], eventId: "" };
    return answer(await accept.take(sender, items, malformed), "");
  });
}

function toRow(accept: Accept, sender: Sender, request: HttpRequest, report: Uint8Array): AcceptedRow {
  const named = {
    release: shortText(request.query.get("sentry_release")),
    environment: shortText(request.query.get("sentry_environment")),
  };
  return toSecurityRow(report, named, accept.circumstances(sender, request));
}

/** Does the work over the inflated body; both are counted as held until it is done. */
function decoded(
  { accept, decoder }: Pick<AcceptRoutesDeps, "accept" | "decoder">,
  { body, headers }: HttpRequest,
  maxBytes: number,
  work: (bytes: Uint8Array) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  return accept.holding(body.length, async () => {
    const bytes = await decoder.decode(body, headers["content-encoding"], maxBytes);
    return bytes === body ? work(bytes) : accept.holding(bytes.length, () => work(bytes));
  });
}

/** 200, unless nothing at all was taken of what came: then why. */
function answer({ limits, isKept, isTooLarge }: Verdict, eventId: string): HttpResponse {
  const header = rateLimitHeader(limits);
  const headers: Record<string, string> = header === "" ? {} : { "X-Sentry-Rate-Limits": header };
  if (!isKept && limits.size > 0) {
    const message = "the quota of this project is used up";
    const wait = Math.min(...limits.values());
    return {
      status: 429,
      headers: { ...headers, "Retry-After": String(wait), "X-Sentry-Error": message },
      json: { error: { code: "limit", message, retryAfterMs: wait * 1_000 } },
    };
  }
  if (!isKept && isTooLarge) throw new AppError("too_large", "an item is larger than its type may be");
  return { headers, json: eventId === "" ? {} : { id: eventId } };
}

/**
 * What went wrong, as SDKs read it. `Retry-After` is for quotas alone: with it an SDK drops everything for that time, and what is wrong
 * here passes sooner.
 */
function refuse({ log }: AcceptRoutesDeps, thrown: unknown): HttpResponse {
  const error = toAppError(thrown);
  const { httpStatus, code, logLevel } = error.meaning;
  log[logLevel]("an envelope was refused", { error: error.cause ?? error });
  return {
    status: thrown instanceof UnknownEncoding ? 415 : httpStatus,
    headers: { "X-Sentry-Error": error.message },
    json: { error: { code, message: error.message } },
  };
}
