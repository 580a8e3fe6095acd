/** Why a socket was closed, and what its client should do about it. 4xxx is ours (RFC 6455, section 7.4.2). */

export const CLOSE = {
  /** The server stops for a restart; come back soon, somewhere. */
  restart: 1012,
  /** The messages made no sense: a bug in the client. */
  protocol: 4000,
  /** No valid key, cookie or token. */
  unauthorized: 4001,
  /** Known, but not allowed: origin, project, or rights that were withdrawn. */
  forbidden: 4003,
  /** What was asked for is gone: the project or the session was removed. */
  gone: 4004,
  /** Nothing useful was said in time. */
  timeout: 4008,
  /** Too many sockets, messages or bytes. */
  limit: 4029,
  /** The server is full; it says when to come back. */
  overload: 4503,
} as const;

export type CloseName = keyof typeof CLOSE;

/** Codes after which trying again by itself is of no use. */
const FINAL: ReadonlySet<number> = new Set([CLOSE.protocol, CLOSE.unauthorized, CLOSE.forbidden, CLOSE.gone]);

/** True where a client should not reconnect by itself. */
export function isFinalClose(code: number): boolean {
  return FINAL.has(code);
}
