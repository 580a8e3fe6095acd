/**
 * HTTP: finds the route, reads the body within its bound, asks who is calling, and turns what the room returns or throws into an
 * answer. What no route takes goes to the static files.
 */

import type { HttpRequest as UwsRequest, HttpResponse as UwsResponse, TemplatedApp } from "uWebSockets.js";
import { AppError } from "../app-error.ts";
import { addressName, type Auth, type Identity } from "../auth/auth.ts";
import type { Logger } from "../log.ts";
import { LATENCY_BOUNDS, type Metrics } from "../metrics.ts";
import { createBodies, poolOf, SMALL_BODY_BYTES } from "./bodies.ts";
import { Exchange, type Headers } from "./exchange.ts";
import type { AddressLimiter } from "./limits.ts";
import { peerAddress } from "./peer-address.ts";
import type { CorsHeaders, HttpRequest, HttpResponse, Route } from "./route.ts";
import type { RouteMatch, RouteTable } from "./route-table.ts";

/** How often it is looked at whether a long answer may go on. */
const STREAM_LOOK_MS = 1_000;
const PLAIN_CORS: CorsHeaders = { expose: "Retry-After", allow: "Content-Type" };
/** A browser asks again after this many seconds. */
const PREFLIGHT_SECONDS = "3600";
const NOBODY: Identity = { kind: "nobody" };

/** What a request said before its body. */
export interface RequestHead {
  method: string;
  path: string;
  query: string;
  headers: Readonly<Record<string, string>>;
  peer: string;
}

/** Answers what no route takes: files and pages. Returns false where it has nothing either. */
export type Fallback = (head: RequestHead, exchange: Exchange) => Promise<boolean>;

export interface HttpDeps {
  app: TemplatedApp;
  table: RouteTable;
  auth: Pick<Auth, "identify" | "isTrustedOrigin">;
  fallback: Fallback;
  limiter: AddressLimiter;
  /** Counts a body against what its address may send; 0 where it may, else milliseconds to wait. */
  takeBody: (peer: string, bytes: number) => number;
  /** Counts a body that has come already, and whose length nobody knew before. */
  oweBody: (peer: string, bytes: number) => void;
  trustProxy: boolean;
  logger: Logger;
  metrics: Metrics;
}

/** What the rest of the room asks of HTTP. */
export interface Http {
  /** Requests that are being answered. */
  pending(): number;
}

/** Attaches HTTP to the app. */
export function attachHttp(deps: HttpDeps): Http {
  const { metrics, logger } = deps;
  const requests = metrics.counter("http_requests_total", "HTTP requests.");
  const refused = metrics.counter("http_refused_total", "HTTP requests answered with a 4xx status.");
  const failed = metrics.counter("http_failed_total", "HTTP requests answered with a 5xx status.");
  const seconds = metrics.histogram("http_seconds", "Time to the end of an HTTP answer.", LATENCY_BOUNDS);
  let pending = 0;
  const bodies = createBodies();

  const readBody = async (exchange: Exchange, head: RequestHead, route: Route): Promise<Uint8Array> => {
    if (route.method === "GET") return new Uint8Array(0);
    const maxBytes = route.maxBodyBytes ?? SMALL_BODY_BYTES;
    const hasOwnLimits = route.hasOwnLimits === true;
    const told = toldLength(head);
    // A chunked body does not tell its length: it is counted as the largest allowed until it is whole. Where the room has limits of its
    // own, all are counted as they come: SDKs send nearly all of theirs chunked, and who tells a length and sends nothing takes no room
    // from those who send once. With neither there is none.
    const isGrowing = hasOwnLimits;
    const bytes = told ?? (isGrowing || head.headers["transfer-encoding"] === undefined ? 0 : maxBytes);
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    const room = bodies.hold(addressName(head.peer), isGrowing ? 0 : bytes, poolOf(maxBytes, hasOwnLimits));
    try {
      const waitMs = deps.takeBody(head.peer, bytes);
      if (waitMs > 0) throw tooOften(waitMs);
      const body = await exchange.readBody(maxBytes, (more) => {
        if (isGrowing) room.grow(more);
      });
      if (!body) throw tooLarge(maxBytes);
      if (told === null && isGrowing) deps.oweBody(head.peer, body.length);
      return body;
    } finally {
      room.release();
    }
  };

  const answer = async (exchange: Exchange, head: RequestHead, match: RouteMatch): Promise<void> => {
    const { route } = match;
    const waitMs = route.hasOwnLimits === true ? 0 : deps.limiter.take(head.peer);
    if (waitMs > 0) throw tooOften(waitMs);
    // The handler for the body has to be there before anything is awaited.
    const [body, caller] = await Promise.all([readBody(exchange, head, route), identify(deps.auth, head, route)]);
    if (body.length > 0 && route.anyBody !== true && !isJson(head.headers["content-type"])) {
      throw new UnsupportedMediaType();
    }
    // A body may be seconds on its way, and what its sender may do is no longer what it was at its beginning.
    const identity = route.method === "GET" ? caller : await identify(deps.auth, head, route);
    if (exchange.isOver) return;
    const request: HttpRequest = {
      method: route.method,
      path: head.path,
      params: match.params,
      query: new URLSearchParams(head.query),
      headers: head.headers,
      identity,
      peer: head.peer,
      body,
      signal: exchange.signal,
    };
    const response = await route.handle(request);
    await exchange.send(
      "stream" in response ? { ...response, stream: whileAllowed(response, () => identify(deps.auth, head, route)) } : response,
      corsHeaders(route),
    );
  };

  const serve = async (exchange: Exchange, head: RequestHead): Promise<void> => {
    const startedAt = performance.now();
    requests.value++;
    pending++;
    let match: RouteMatch | null = null;
    try {
      toldLength(head);
      match = deps.table.find(head.method, head.path);
      if (match && !isPageRequest(match.route, head)) await answer(exchange, head, match);
      else await answerOther(deps, exchange, head);
    } catch (thrown) {
      const error = exchange.sendError(
        thrown,
        match ? corsHeaders(match.route) : {},
        thrown instanceof UnsupportedMediaType ? 415 : undefined,
        // Where a body ends that has no clear length, and the next request begins, nobody knows (RFC 9112, section 6.3).
        thrown instanceof UnclearLength,
      );
      const path = match?.route.path ?? "(no route)";
      logger[error.meaning.logLevel]("request refused", { method: head.method, path, error: error.cause ?? error });
    } finally {
      pending--;
      if (exchange.status >= 500) failed.value++;
      else if (exchange.status >= 400) refused.value++;
      seconds.observe((performance.now() - startedAt) / 1_000);
    }
  };

  deps.app.any("/*", (res, req) => {
    const head = readHead(res, req, deps.trustProxy);
    void serve(new Exchange(res, head.method === "HEAD"), head);
  });
  return { pending: () => pending };
}

/** Copies what a request says; `req` is gone when the handler returns. */
export function readHead(res: UwsResponse, req: UwsRequest, trustProxy: boolean): RequestHead {
  const headers = Object.create(null) as Record<string, string>;
  // One that comes several times is a list (RFC 9110, section 5.3): where one value is expected, it is none.
  req.forEach((name, value) => {
    const before = headers[name];
    headers[name] = before === undefined ? value : before + (name === "cookie" ? "; " : ", ") + value;
  });
  return {
    method: req.getCaseSensitiveMethod().toUpperCase(),
    path: req.getUrl(),
    query: req.getQuery() ?? "",
    headers,
    peer: peerAddress(res.getRemoteAddress(), trustProxy ? headers["x-forwarded-for"] : undefined),
  };
}

class UnsupportedMediaType extends AppError {
  constructor() {
    super("protocol", "the body must be application/json, and Content-Type must say so");
  }
}

class UnclearLength extends AppError {
  constructor() {
    super("protocol", "Content-Length: expected one whole number");
  }
}

/**
 * The length that a body claims; null where it claims none.
 * @throws UnclearLength for several, and for what is no number; the library takes the first
 */
function toldLength(head: RequestHead): number | null {
  const text = head.headers["content-length"];
  if (text === undefined) return null;
  if (!/^\d{1,15}$/.test(text)) throw new UnclearLength();
  return Number(text);
}

/** A stream, for as long as he who asked for it may have it. It is asked before a piece, at most once in {@link STREAM_LOOK_MS}. */
async function* whileAllowed(
  { stream, mayGoOn }: Extract<HttpResponse, { stream: unknown }>,
  ask: () => Promise<Identity>,
): AsyncGenerator<Uint8Array> {
  let askedAt = performance.now();
  for await (const piece of stream) {
    if (mayGoOn && performance.now() - askedAt >= STREAM_LOOK_MS) {
      askedAt = performance.now();
      if (!mayGoOn(await ask())) throw new AppError("forbidden", "the right to read this was withdrawn");
    }
    yield piece;
  }
}

/** What lets pages of other origins read the answers of a route. */
function corsHeaders({ cors }: Route): Headers {
  if (cors === undefined || cors === false) return {};
  const { expose } = cors === true ? PLAIN_CORS : cors;
  return { "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": expose };
}

/** The same for the question whether they may ask at all. */
function preflightHeaders(route: Route | undefined): Headers {
  if (!route?.cors) return {};
  return {
    ...corsHeaders(route),
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": (route.cors === true ? PLAIN_CORS : route.cors).allow,
    "Access-Control-Max-Age": PREFLIGHT_SECONDS,
  };
}

/** `GET /` is server information for programs and the viewer for people. */
function isPageRequest(route: Route, head: RequestHead): boolean {
  return route.path === "/" && (head.headers["accept"] ?? "").includes("text/html");
}

async function answerOther(deps: HttpDeps, exchange: Exchange, head: RequestHead): Promise<void> {
  const methods = deps.table.methodsOf(head.path);
  if (head.method === "OPTIONS") {
    const routes = methods.map((method) => deps.table.find(method, head.path)?.route);
    const preflight = preflightHeaders(routes.find((route) => route?.cors));
    exchange.sendBytes(204, { Allow: [...methods, "OPTIONS"].join(", "), ...preflight }, new Uint8Array(0));
    return;
  }
  if ((head.method === "GET" || head.method === "HEAD") && (await deps.fallback(head, exchange))) return;
  if (exchange.isOver) return;
  if (methods.length > 0) {
    exchange.sendError(new AppError("protocol", "this path does not take this method"), { Allow: methods.join(", ") }, 405);
    return;
  }
  throw new AppError("not_found", "there is nothing under this path");
}

/**
 * Who is calling, where the route wants to know.
 * @throws AppError `auth` or `forbidden` where he may not
 */
async function identify(auth: HttpDeps["auth"], head: RequestHead, route: Route): Promise<Identity> {
  const { origin, host, cookie, authorization } = head.headers;
  const isUnsafe = route.method !== "GET";
  // Another scheme than ours is a proxy's: a browser adds it to whatever a page of anybody sends.
  if (isUnsafe && !route.cors && !/^Bearer\b/i.test(authorization ?? "")) {
    if (!auth.isTrustedOrigin(origin, host, head.headers["sec-fetch-site"])) {
      throw new AppError("forbidden", "this request comes from a page of another origin");
    }
  }
  if (route.access === "open") return NOBODY;
  const identity = await auth.identify({ cookie, authorization });
  if (identity.kind === "nobody") throw new AppError("auth", "sign in, or send a bearer token");
  if (route.access === "admin" && !identity.isAdmin) throw new AppError("forbidden", "this takes an administrator");
  if (identity.kind === "token" && isUnsafe && !identity.scopes.has("admin") && !identity.scopes.has(route.scope ?? "admin")) {
    throw new AppError("forbidden", `this takes a token with the scope ${route.scope ?? "admin"}`);
  }
  if (identity.kind === "user" && isUnsafe && !auth.isTrustedOrigin(origin, host, head.headers["sec-fetch-site"])) {
    throw new AppError("forbidden", "this request comes from a page of another origin");
  }
  return identity;
}

function tooOften(waitMs: number): AppError {
  return new AppError("limit", "too much at once from this address", { retryAfterMs: waitMs });
}

function isJson(contentType: string | undefined): boolean {
  return contentType?.split(";")[0]?.trim().toLowerCase() === "application/json";
}

function tooLarge(maxBytes: number): AppError {
  return new AppError("too_large", `the body is larger than ${maxBytes} bytes`);
}
