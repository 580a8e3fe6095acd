/**
 * A guest's live view: the feed of his session over HTTP, as frames that are written as they come. He can say nothing on it. What the live edge
 * sends him is read, cut to what he may see and written anew, so that nothing goes out that nobody thought of.
 */

import type { ViewerBatch } from "../../protocol/batch.ts";
import { encodeBinary, parseMessage } from "../../protocol/codec.ts";
import { joinFrames } from "../../protocol/frames.ts";
import { type FeedPhase, toViewer, type ToViewerMessage, type ToViewerType } from "../../protocol/viewer-messages.ts";
import type { Clock } from "../clock.ts";
import type { Live, ViewerPort } from "../live/live.ts";
import { cutEvents } from "../privacy/privacy.ts";
import { cutOf, sightOfSession, sightOfTabs, type Sight } from "./guest-view.ts";
import { type Guest, guestActor } from "./guests.ts";
import { slicesOf } from "./slices.ts";

/** A guest is asked for again this often, and hears something at least this often, so that no proxy takes the silence for an end. */
const LOOK_MS = 1_500;
/** Frames of one guest that wait or are being written; past that the feed waits, and goes on at a newer checkout. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;
const utf8 = new TextEncoder();

/** What it is built from. */
export interface GuestLive {
  live: Pick<Live, "connect">;
  clock: Clock;
  /** Rejects with `auth` where the guest may not see any more. */
  stillGood: (guest: Guest) => Promise<void>;
}

/**
 * Frames of messages of `toViewer`, until the session, the link or the connection ends. When the link does, a guest who reads slowly is cut off
 * in the middle of what he is being sent; who has read everything is told why.
 */
export async function* streamGuestLive(
  { live, clock, stillGood }: GuestLive,
  guest: Guest,
  peer: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const frames: Uint8Array[] = [];
  let [bytes, isOver, isGood] = [0, false, true];
  let phase: FeedPhase = "catching-up";
  let wake: () => void = () => undefined;
  const push = (message: ToViewerMessage): void => {
    const frame = encodeBinary(message.type, message.data);
    if (message.type === "session_joined" || message.type === "session_phase") ({ phase } = message.data);
    frames.push(frame);
    bytes += frame.length;
    if (message.type === "session_ended" || (message.type === "error" && message.data.code === "not_found")) isOver = true;
    wake();
  };
  const port: ViewerPort = {
    id: -1,
    // Each batch by itself, with its events: the frames that all other viewers share are not for guests.
    form: "text",
    send(frame) {
      if (bytes > MAX_QUEUED_BYTES) return false;
      const message = typeof frame === "string" && isGood ? cutMessage(frame, guest) : null;
      if (message) push(message);
      return true;
    },
    subscribe: () => undefined,
    unsubscribe: () => undefined,
    backlogBytes: () => bytes,
    maySee: (projectId) => isGood && projectId === guest.projectId,
    actor: () => guestActor(guest),
    peer,
  };
  const connection = live.connect(port);
  const stopLooking = clock.every(LOOK_MS, () => {
    stillGood(guest).then(
      () => {
        if (bytes === 0) push({ type: "session_phase", data: { sessionId: guest.sessionId, phase } });
      },
      () => {
        stopLooking();
        isGood = false;
        isOver = true;
        frames.length = 0;
        connection.rightsChanged();
        push({ type: "error", data: { code: "unauthorized", message: "this link is no longer good" } });
      },
    );
  });
  const onAbort = (): void => wake();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    connection.receive({ type: "viewer_join_session", data: { sessionId: guest.sessionId } });
    while (!signal.aborted) {
      const ready = frames.splice(0);
      if (ready.length > 0) {
        const [written, isNotice] = [bytes, !isGood];
        for (const slice of slicesOf(joinFrames(ready))) {
          if (!isGood && !isNotice) return;
          yield slice;
        }
        bytes -= written;
        connection.drained();
      } else if (isOver) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    stopLooking();
    connection.closed();
  }
}

/** What a guest may know of a message to a viewer; null for nothing. */
export function cutMessage(frame: string, sight: Sight): ToViewerMessage | null {
  const envelope: unknown = JSON.parse(frame);
  if (!isEnvelope(envelope)) return null;
  const message = parseMessage<typeof toViewer, ToViewerType>(toViewer, envelope);
  switch (message.type) {
    case "session_joined":
      return { type: message.type, data: { ...factsFor(message.data, sight), phase: message.data.phase } };
    case "session_updated":
      return { type: message.type, data: factsFor(message.data, sight) };
    case "events_batch":
      return "events" in message.data ? { type: message.type, data: cutBatch(message.data, sight) } : null;
    case "session_phase":
    case "session_ended":
    case "gap":
      return message;
    case "error":
      return { type: "error", data: { code: message.data.code, message: message.data.message } };
    // Nothing else is for guests: no lists, no helpers, no events by index.
    default:
      return null;
  }
}

type Facts = Extract<ToViewerMessage, { type: "session_updated" }>["data"];

function factsFor({ session, tabs }: Facts, sight: Sight): Facts {
  return { session: sightOfSession(session, sight), tabs: sightOfTabs(tabs, sight) };
}

type PlainBatch = Extract<Extract<ToViewerMessage, { type: "events_batch" }>["data"], { events: unknown }>;

/** A batch of which nothing is left goes on without events, so that its seq is not missed. */
function cutBatch(batch: PlainBatch, sight: Sight): ViewerBatch {
  const { sessionId, tab, seq, firstAt, lastAt, checkout } = batch;
  const left = cutEvents(batch.events, cutOf(sight));
  const payload = utf8.encode(JSON.stringify(left));
  const markers = sight.showsPanels ? batch.markers : [];
  const facts = { sessionId, tab, seq, firstAt, lastAt, checkout, markers, count: left.length };
  return { ...facts, encoding: "json", rawBytes: payload.length, payload };
}

function isEnvelope(value: unknown): value is { type: string; data: unknown } {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string" && "data" in value;
}
