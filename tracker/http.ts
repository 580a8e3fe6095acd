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

/** Hands messages to the browser, to be sent whatever becomes of the page. At most 64 KB; false where it refuses. */
export function sendBeacon(url: string, messages: readonly Uint8Array[]): boolean {
  return navigator.sendBeacon(url, joinFrames(messages));
}

function messagesOf(answer: unknown): ToTrackerMessage[] {
  if (typeof answer !== "object" || answer === null || !("messages" in answer) || !Array.isArray(answer.messages)) return [];
  return answer.messages.filter(isMessage);
}
