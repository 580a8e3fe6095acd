/** The closed set of things that go wrong, and what each means on every surface: HTTP status, close code, log level, retry. */

import { CLOSE } from "../protocol/close-codes.ts";
import type { ErrorCode } from "../protocol/tracker-messages.ts";

/** What a class of errors looks like to the outside. */
interface Meaning {
  httpStatus: number;
  /** The `code` of a wire `error` and of an HTTP error body. */
  code: ErrorCode;
  /** Close code where the socket cannot go on; null where it may. */
  closeCode: number | null;
  logLevel: "debug" | "info" | "warn" | "error";
}

const MEANINGS = {
  protocol: { httpStatus: 400, code: "malformed", closeCode: null, logLevel: "debug" },
  too_large: { httpStatus: 413, code: "too_large", closeCode: null, logLevel: "info" },
  auth: { httpStatus: 401, code: "unauthorized", closeCode: CLOSE.unauthorized, logLevel: "info" },
  forbidden: { httpStatus: 403, code: "forbidden", closeCode: CLOSE.forbidden, logLevel: "info" },
  not_found: { httpStatus: 404, code: "not_found", closeCode: null, logLevel: "debug" },
  not_started: { httpStatus: 409, code: "not_started", closeCode: null, logLevel: "debug" },
  gone: { httpStatus: 410, code: "gone", closeCode: CLOSE.gone, logLevel: "info" },
  limit: { httpStatus: 429, code: "limit", closeCode: null, logLevel: "info" },
  overload: { httpStatus: 503, code: "overload", closeCode: null, logLevel: "warn" },
  store: { httpStatus: 503, code: "overload", closeCode: null, logLevel: "error" },
  config: { httpStatus: 500, code: "internal", closeCode: null, logLevel: "error" },
  bug: { httpStatus: 500, code: "internal", closeCode: null, logLevel: "error" },
} as const satisfies Record<string, Meaning>;

export type AppErrorKind = keyof typeof MEANINGS;

/** An error that a room throws on purpose. Its message is safe to show to whoever caused it. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly kind: AppErrorKind;
  readonly retryAfterMs: number | undefined;

  constructor(kind: AppErrorKind, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
  }

  get meaning(): Meaning {
    return MEANINGS[this.kind];
  }
}

/** Any thrown value as an AppError; what nobody expected becomes `bug`, with a message that gives nothing away. */
export function toAppError(thrown: unknown): AppError {
  return thrown instanceof AppError ? thrown : new AppError("bug", "something went wrong on our side", { cause: thrown });
}
