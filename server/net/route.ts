/** What a room needs to answer HTTP, without the HTTP library: `server/net` turns these into uWebSockets.js handlers. */

import type { Identity, Role } from "../auth/auth.ts";

export type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

/** Who may call a route. `open` routes get an identity of kind `nobody`. */
export type Access = "open" | "signed-in" | "admin";

export interface HttpRequest {
  method: Method;
  /** Path without the query string. */
  path: string;
  /** Values of the `:name` parts of the route's path, decoded. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** Lower-case names. */
  headers: Readonly<Record<string, string>>;
  identity: Identity;
  /** Address of the peer as text. */
  peer: string;
  /** Whole body, at most `maxBodyBytes` of the route; empty for GET. */
  body: Uint8Array;
  /** Aborts when the peer goes away. */
  signal: AbortSignal;
}

/**
 * An answer: JSON, bytes, or a stream of pieces that is written as fast as the peer reads it.
 * `headers` are added to the ones every answer gets.
 */
export type HttpResponse =
  | { status?: number; headers?: Record<string, string>; json: unknown }
  | { status?: number; headers?: Record<string, string>; bytes: Uint8Array; contentType: string }
  | {
      status?: number;
      headers?: Record<string, string>;
      stream: AsyncIterable<Uint8Array>;
      contentType: string;
      /** Whether he who asked may have the rest as well, with the rights that he has by then; else the connection is cut. */
      mayGoOn?: (identity: Identity) => boolean;
    };

/** Names of headers, with commas. */
export interface CorsHeaders {
  /** That a page may read of the answer. */
  expose: string;
  /** That it may send. */
  allow: string;
}

/** One row of the route table. The generated API description and the two-tenant tests are made from these. */
export interface Route {
  method: Method;
  /** e.g. `/v1/sessions/:id`; `:name` matches one segment. */
  path: string;
  access: Access;
  /** Least role in the project of what the path or body names. The room asks for it with `requireRole`; the two-tenant tests hold it to that. */
  role?: Role;
  /** One line for `GET /v1/openapi.json`. */
  summary: string;
  /** Default 64 KiB. */
  maxBodyBytes?: number;
  /** True for bodies that are not JSON, and so need no `Content-Type: application/json`. */
  anyBody?: boolean;
  /** Scope with which a bearer token may use an unsafe method; `admin` always suffices, and is what is asked where nothing is said. */
  scope?: string;
  /** For routes that any page may call: answered with `Access-Control-Allow-Origin: *`, and what more pages may send and read. Only with `open`. */
  cors?: boolean | CorsHeaders;
  /** True where the room itself bounds how often it is called: requests are not counted by their address then, bytes are. */
  hasOwnLimits?: boolean;
  /** Query parameters, by name, with a line each; for the API description. */
  query?: Readonly<Record<string, string>>;
  /** @throws AppError, which becomes `{"error":{code,message}}` with its status */
  handle(request: HttpRequest): HttpResponse | Promise<HttpResponse>;
}
