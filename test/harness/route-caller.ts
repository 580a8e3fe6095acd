/** Calls the routes of rooms without a socket, the way `server/net` does. */

import type { Identity } from "../../server/auth/auth.ts";
import { AppError } from "../../server/app-error.ts";
import type { HttpResponse, Method, Route } from "../../server/net/route.ts";

/** What a test says of a request. */
export interface RouteCall {
  identity?: Identity;
  /** Bytes as they are; anything else as JSON. */
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  peer?: string;
  signal?: AbortSignal;
}

/** What came back: the JSON, or the bytes of a stream in their pieces. */
export interface RouteAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  json: unknown;
  pieces: Uint8Array[];
}

const NOBODY: Identity = { kind: "nobody" };

/** Builds `call(method, address, …)` over a route table. Errors come back as answers, as they do over HTTP. */
export function createCaller(routes: readonly Route[]) {
  return async (method: Method, address: string, call: RouteCall = {}): Promise<RouteAnswer> => {
    const url = new URL(address, "http://localhost");
    try {
      const answer = await dispatch(routes, method, url, call);
      const pieces: Uint8Array[] = [];
      if ("stream" in answer) for await (const piece of answer.stream) pieces.push(piece);
      const json: unknown = "json" in answer ? JSON.parse(JSON.stringify(answer.json)) : null;
      return { status: answer.status ?? 200, headers: answer.headers ?? {}, json, pieces };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const { httpStatus: status, code } = error.meaning;
      return { status, headers: {}, json: { error: { code, message: error.message } }, pieces: [] };
    }
  };
}

async function dispatch(routes: readonly Route[], method: Method, url: URL, call: RouteCall): Promise<HttpResponse> {
  for (const route of routes) {
    const params = route.method === method ? match(route.path, url.pathname) : null;
    if (!params) continue;
    const identity = route.access === "open" ? NOBODY : (call.identity ?? NOBODY);
    if (route.access !== "open" && identity.kind === "nobody") throw new AppError("auth", "sign in first");
    if (route.access === "admin" && (identity.kind === "nobody" || !identity.isAdmin))
      throw new AppError("forbidden", "not an administrator");
    return route.handle({
      method,
      path: url.pathname,
      params,
      query: url.searchParams,
      headers: call.headers ?? {},
      identity,
      peer: call.peer ?? "127.0.0.1",
      body: toBytes(call.body),
      signal: call.signal ?? new AbortController().signal,
    });
  }
  throw new Error(`no route for ${method} ${url.pathname}`);
}

function toBytes(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body;
  return body === undefined ? new Uint8Array(0) : new TextEncoder().encode(JSON.stringify(body));
}

function match(path: string, asked: string): Record<string, string> | null {
  const wanted = path.split("/");
  const given = asked.split("/");
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = decodeURIComponent(given[index] ?? "");
    if (part.startsWith(":")) params[part.slice(1)] = value;
    else if (part !== value) return null;
  }
  return params;
}
