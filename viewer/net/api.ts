/** Asking the server over HTTP. Every failure is an ApiError that can be shown; what comes back is checked before a page meets it. */

import * as v from "valibot";

/** A request that did not work. `status` 0: the server could not be reached; otherwise HTTP's. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  /** Path of the field that the server named, e.g. `settings.sampleRate`; empty where it named none. */
  readonly field: string;
  /** What is wrong with it, without the field's name. */
  readonly fault: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
    const named = status === 400 ? /^([A-Za-z][\w.]*): ([\s\S]+)$/.exec(message) : null;
    this.field = named?.[1] ?? "";
    this.fault = named?.[2] ?? message;
  }
}

const errorBodySchema = v.object({ error: v.object({ code: v.string(), message: v.string() }) });

/** What a request may carry besides its path. */
export interface SendOptions {
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** Secret of a share link, or an embed token: asks as that guest, and as nobody else. */
  guest?: string;
}

/**
 * Sends a request.
 * @returns the answer, where the server says that it worked
 * @throws ApiError otherwise; the reason of `signal` where that ended it
 */
export async function send(method: string, path: string, options: SendOptions = {}): Promise<Response> {
  const hasBody = options.body !== undefined;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: options.guest === undefined ? "same-origin" : "omit",
      headers: {
        Accept: "application/json",
        ...(hasBody ? { "Content-Type": "application/json" } : {}),
        ...(options.guest === undefined ? {} : { Authorization: `Guest ${options.guest}` }),
      },
      ...(hasBody ? { body: JSON.stringify(options.body) } : {}),
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

/**
 * Sends a request and checks the JSON that comes back.
 * @throws ApiError as `send` does, and with the code `unexpected` for an answer of another shape
 */
export async function request<S extends v.GenericSchema>(
  method: string,
  path: string,
  schema: S,
  options: SendOptions = {},
): Promise<v.InferOutput<S>> {
  const response = await send(method, path, options);
  const parsed = v.safeParse(schema, await response.json().catch(() => null));
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  throw new ApiError(
    response.status,
    "unexpected",
    `The server sent something unexpected (${v.getDotPath(issue) ?? issue.message}).`,
  );
}

/** A path with its query; empty texts and nulls are left out. */
export function withQuery(path: string, parameters: Readonly<Record<string, string | number | boolean | null>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== "" && value !== false) query.set(name, String(value).trim());
  }
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}
