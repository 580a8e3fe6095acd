/** The way out without WebSockets: `POST /v1/ingest`, and its one-way form for a page that goes away. Sent so that no preflight is needed. */

import { joinFrames } from "../protocol/frames.ts";
import type { ToTrackerMessage } from "../protocol/tracker-messages.ts";
import { isMessage } from "./messages.ts";

/** An answer: the messages that a socket would have sent, and the HTTP status (0 where nothing came back). */
export interface Answer {
  status: number;
  messages: ToTrackerMessage[];
}

/** Sends messages, the first a `session_start`, and waits until they are durable or refused. Never rejects. */
export type Post = (messages: readonly Uint8Array[]) => Promise<Answer>;

/** A round that takes longer is given up; what it carried is sent again. */
const ROUND_TIMEOUT_MS = 30_000;

/** Where batches go by HTTP. */
export function ingestUrl(endpoint: string, key: string): string {
  return `${endpoint}/v1/ingest?key=${encodeURIComponent(key)}`;
}

/** @param hostFetch the page's `fetch` as it was before we watched it, so that our own requests are never recorded */
export function createPost(url: string, hostFetch: typeof fetch): Post {
  return async (messages) => {
    const aborter = new AbortController();
    const timer = setTimeout(() => {
      aborter.abort();
    }, ROUND_TIMEOUT_MS);
    try {
      const response = await hostFetch(url, {
        method: "POST",
        body: joinFrames(messages),
        credentials: "omit",
        // To a server of the same origin the browser would say the whole address, with all that is in it.
        referrerPolicy: "origin",
        signal: aborter.signal,
      });
      const answer: unknown = await response.json();
      return { status: response.status, messages: messagesOf(answer) };
    } catch {
      return { status: 0, messages: [] };
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Hands messages to the browser, to be sent whatever becomes of the page. At most 64 KB. */
export function sendBeacon(url: string, messages: readonly Uint8Array[], hostFetch: typeof fetch): void {
  const body = joinFrames(messages);
  // A beacon would say the page's whole address.
  if ("keepalive" in Request.prototype)
    void hostFetch(url, { method: "POST", body, keepalive: true, credentials: "omit", referrerPolicy: "origin" }).catch(
      () => undefined,
    );
  else navigator.sendBeacon(url, body);
}

/** A request that was refused as a whole is answered like any other of our routes, with the same fields as the message. */
function messagesOf(answer: unknown): ToTrackerMessage[] {
  if (typeof answer !== "object" || answer === null) return [];
  if ("error" in answer) return [{ type: "error", data: answer.error }].filter(isMessage);
  return "messages" in answer && Array.isArray(answer.messages) ? answer.messages.filter(isMessage) : [];
}
