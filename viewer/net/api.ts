/** The server's HTTP routes as functions. Every failure is an ApiError that can be shown. */

import * as v from "valibot";
import {
  errorDetailSchema,
  newTokenSchema,
  projectSchema,
  sessionDetailSchema,
  sessionPageSchema,
  tokenSchema,
  userSchema,
  type ErrorDetail,
  type NewToken,
  type Project,
  type SessionDetail,
  type SessionPage,
  type Token,
  type User,
} from "./api-schemas.ts";

/** A request that did not work. `status` 0: the server could not be reached; otherwise HTTP's. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const errorBodySchema = v.object({ error: v.object({ code: v.string(), message: v.string() }) });

/** What the list of sessions can be asked for; empty strings and nulls ask for nothing. */
export interface SessionQuery {
  project: number;
  q: string;
  user: string;
  url: string;
  status: "" | "live" | "away" | "ended";
  hasErrors: boolean;
  cursor: string | null;
}

/** Who is signed in. @throws ApiError with status 401 where nobody is */
export function readMe(): Promise<User> {
  return request("GET", "/auth/me", v.object({ user: userSchema })).then(({ user }) => user);
}

/** Signs in; the server answers with a cookie that no script can read. */
export async function signIn(email: string, password: string): Promise<void> {
  await request("POST", "/auth/login", v.unknown(), { email, password });
}

/** Ends the sign-in of this browser. */
export async function signOut(): Promise<void> {
  await request("POST", "/auth/logout", v.unknown(), {});
}

/** True where the one-time link with this token can still be used. */
export function readSetup(token: string): Promise<boolean> {
  const schema = v.object({ isOpen: v.boolean() });
  return request("GET", `/v1/setup?${new URLSearchParams({ token }).toString()}`, schema).then(({ isOpen }) => isOpen);
}

/** Makes the first administrator and signs him in. */
export async function setUp(token: string, email: string, password: string): Promise<void> {
  await request("POST", "/v1/setup", v.unknown(), { token, email, password });
}

/** The projects that the reader may see, with their ingest keys. */
export function readProjects(): Promise<Project[]> {
  return request("GET", "/v1/projects", v.object({ projects: v.array(projectSchema) })).then(({ projects }) => projects);
}

/** One page of the list of sessions, newest first. */
export function readSessions(query: SessionQuery, signal?: AbortSignal): Promise<SessionPage> {
  const parameters = new URLSearchParams({ project: String(query.project) });
  for (const name of ["q", "user", "url", "status"] as const) if (query[name].trim()) parameters.set(name, query[name].trim());
  if (query.hasErrors) parameters.set("hasErrors", "true");
  if (query.cursor !== null) parameters.set("cursor", query.cursor);
  return request("GET", `/v1/sessions?${parameters.toString()}`, sessionPageSchema, undefined, signal);
}

/** One session with its tabs, markers, gaps and checkouts. */
export function readSession(sessionId: string, signal?: AbortSignal): Promise<SessionDetail> {
  return request("GET", `/v1/sessions/${encodeURIComponent(sessionId)}`, sessionDetailSchema, undefined, signal);
}

/** Erases a session from every table. */
export async function eraseSession(sessionId: string): Promise<void> {
  await request("DELETE", `/v1/sessions/${encodeURIComponent(sessionId)}`, v.unknown());
}

/** One occurrence of an error. */
export function readError(errorId: string): Promise<ErrorDetail> {
  return request("GET", `/v1/errors/${encodeURIComponent(errorId)}`, errorDetailSchema);
}

/** The bearer tokens of the reader, without the tokens themselves. */
export function readTokens(): Promise<Token[]> {
  return request("GET", "/v1/tokens", v.object({ tokens: v.array(tokenSchema) })).then(({ tokens }) => tokens);
}

/** Makes a bearer token that may read; the answer holds it, this once. */
export function createToken(name: string): Promise<NewToken> {
  return request("POST", "/v1/tokens", newTokenSchema, { name, scopes: ["read"] });
}

/** Makes a bearer token useless. */
export async function revokeToken(id: number): Promise<void> {
  await request("DELETE", `/v1/tokens/${id}`, v.unknown());
}

/** Sends a request and checks what comes back; used by the functions above and by the batches reader. */
export async function send(
  method: string,
  path: string,
  options: { body?: unknown; signal?: AbortSignal } = {},
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: { Accept: "application/json", ...(options.body === undefined ? {} : { "Content-Type": "application/json" }) },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, "unreachable", "The server cannot be reached.");
  }
  if (response.ok) return response;
  const body: unknown = await response.json().catch(() => null);
  const known = v.safeParse(errorBodySchema, body);
  if (known.success) throw new ApiError(response.status, known.output.error.code, known.output.error.message);
  throw new ApiError(response.status, "internal", `The server answered ${response.status}.`);
}

async function request<S extends v.GenericSchema>(
  method: string,
  path: string,
  schema: S,
  body?: unknown,
  signal?: AbortSignal,
): Promise<v.InferOutput<S>> {
  const response = await send(method, path, { ...(body === undefined ? {} : { body }), ...(signal ? { signal } : {}) });
  const parsed = v.safeParse(schema, await response.json().catch(() => null));
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  throw new ApiError(
    response.status,
    "unexpected",
    `The server sent something unexpected (${v.getDotPath(issue) ?? issue.message}).`,
  );
}
