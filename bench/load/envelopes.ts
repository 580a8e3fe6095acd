/** Envelopes besides errors, as SDKs put them together: sessions, spans, reports, feedback, attachments, replays. */

import { randomBytes, randomUUID } from "node:crypto";
import { deflateSync } from "node:zlib";

const SEGMENT_EVENTS = 60;

/** An id as SDKs make them: 32 hex digits. */
export function makeId(): string {
  return randomUUID().replaceAll("-", "");
}

/** An envelope of one item. */
export function envelope(header: object, type: string, payload: object): string {
  return `${JSON.stringify({ sent_at: new Date().toISOString(), ...header })}\n${JSON.stringify({ type })}\n${JSON.stringify(payload)}`;
}

/** The same envelope with a file of these bytes at its end. */
export function withAttachment(head: string, bytes: Uint8Array): Buffer {
  const item = { type: "attachment", length: bytes.length, filename: "state.bin", content_type: "application/octet-stream" };
  return Buffer.concat([Buffer.from(`${head}\n${JSON.stringify(item)}\n`), bytes]);
}

/** What somebody wrote about an error. */
export function feedback(id: string, errorId: string): string {
  const said = { message: `it broke at ${errorId}`, contact_email: "ada@example.com", name: "Ada", associated_event_id: errorId };
  return envelope({ event_id: id }, "feedback", { event_id: id, contexts: { feedback: said } });
}

/** The first segment of a replay. */
export function replay(id: string, recording: Uint8Array): Buffer {
  const payload = Buffer.concat([Buffer.from('{"segment_id":0}\n'), recording]);
  const at = Date.now() / 1_000;
  const event = {
    type: "replay_event",
    replay_id: id,
    event_id: id,
    segment_id: 0,
    replay_type: "session",
    replay_start_timestamp: at - 5,
    timestamp: at,
    urls: ["https://shop.example/orders"],
    error_ids: [],
    trace_ids: [],
  };
  const head = `${JSON.stringify({ event_id: id })}\n{"type":"replay_event"}\n${JSON.stringify(event)}\n`;
  return Buffer.concat([Buffer.from(`${head}{"type":"replay_recording","length":${payload.length}}\n`), payload]);
}

/** A recording of about so many bytes: a page, and what happened on it. Its text does not compress, or it would be smaller. */
export function recording(bytes: number): string {
  const at = Date.now() - 5_000;
  const text = (length: number) => ({ type: 3, id: 3, textContent: randomBytes(Math.ceil(length / 2)).toString("hex") });
  const page = {
    type: 0,
    id: 1,
    childNodes: [{ type: 2, id: 2, tagName: "body", attributes: {}, childNodes: [text(bytes / 2)] }],
  };
  const change = (index: number) => ({
    type: 3,
    timestamp: at + 10 + index,
    data: {
      source: 0,
      texts: [{ id: 3, value: text(bytes / 2 / SEGMENT_EVENTS).textContent }],
      attributes: [],
      removes: [],
      adds: [],
    },
  });
  return JSON.stringify([
    { type: 4, timestamp: at, data: { href: "https://shop.example/orders", width: 1_280, height: 800 } },
    { type: 2, timestamp: at + 1, data: { node: page, initialOffset: { top: 0, left: 0 } } },
    ...Array.from({ length: SEGMENT_EVENTS }, (_, index) => change(index)),
  ]);
}

/** A recording as SDKs compress it. */
export function packedRecording(bytes: number): Buffer {
  return deflateSync(recording(bytes * 2));
}
