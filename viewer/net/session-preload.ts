/**
 * The session of the address is asked for with the first line that runs: who is signed in, and the program that plays it, come meanwhile.
 * It is used once, and soon; afterwards a session is always read anew.
 */

import { readSession, type SessionDetail } from "./api-sessions.ts";

/** What was read earlier than this may be another by now. */
const FRESH_MS = 5_000;

let early: { sessionId: string; since: number; detail: Promise<SessionDetail | null> } | null = null;

/** Asks for the session of an address like `/sessions/<id>`; false for every other, of which nothing is asked for. */
export function preloadSession(path: string): boolean {
  const sessionId = /^\/sessions\/([^/]+)\/?$/.exec(path)?.[1];
  if (sessionId === undefined) return false;
  const id = decodeURIComponent(sessionId);
  // Whoever needs it asks again, and meets the fault himself.
  early = { sessionId: id, since: performance.now(), detail: readSession(id).catch(() => null) };
  return true;
}

/** The session as it was preloaded, or as it is read now. */
export async function readSessionSoon(sessionId: string, signal: AbortSignal): Promise<SessionDetail> {
  const preloaded = early;
  early = null;
  const isFresh = preloaded?.sessionId === sessionId && performance.now() - preloaded.since < FRESH_MS;
  return (isFresh ? await preloaded.detail : null) ?? readSession(sessionId, signal);
}
