/** Tells "Postgres cannot be reached now" from every other error, so that rooms above need not know how either looks. */

import { AppError } from "../app-error.ts";

/** Node's codes for a server that does not answer; ENOENT is a unix socket that is not there. */
const NETWORK = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);
/** SQLSTATE: connection lost (08), out of resources (53), shutting down or starting (57P01 to 57P03), read-only after a failover (25006). */
const STATES = /^(?:08...|53...|57P0[123]|25006)$/;
/** The pool and the client of `pg` report these without a code. */
const MESSAGES = /^(?:Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/;

/** `error` itself, or an AppError `store` in its place where Postgres is away. */
export function withAway(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError || !isAway(error)) return error;
  return new AppError("store", "the database is away", { cause: error, retryAfterMs: 2_000 });
}

function isAway(error: Error): boolean {
  if ("code" in error && typeof error.code === "string") return NETWORK.has(error.code) || STATES.test(error.code);
  return MESSAGES.test(error.message);
}
