/** What a hostile peer says: right messages of every type, and what becomes of them under mutation. */

import { deflateRawSync } from "node:zlib";
import { packMessage } from "../../protocol/msgpack-encode.ts";
import type { Random } from "../loss/random.ts";
import { mutateBytes, mutateValue, nastyJson, nastyValue, type Value } from "./nasty.ts";

/** 64 MB of zeros in 64 KB: what a reader that trusts `rawBytes`, or nothing, would inflate. */
const BOMB = Uint8Array.from(deflateRawSync(Buffer.alloc(64 * 1024 * 1024)));
const NOW = 1_800_000_000_000;

/** A message as it travels in a frame. */
export interface Message {
  isBinary: boolean;
  bytes: Uint8Array;
}

const EVENTS: Value = [
  { type: 4, timestamp: NOW, data: { href: "https://shop.example/", width: 800, height: 600 } },
  { type: 2, timestamp: NOW + 1, data: { node: { type: 0, childNodes: [], id: 1 }, initialOffset: { top: 0, left: 0 } } },
  { type: 3, timestamp: NOW + 2, data: { source: 5, text: "x", isChecked: false, id: 7 } },
];
const MARKERS: Value = [
  { kind: "error", at: NOW, name: "TypeError", text: "x is not a function", data: { stack: "at a.js:1:1", handled: false } },
  { kind: "failed_request", at: NOW, name: "https://shop.example/api?token=x", data: { status: 500, method: "GET" } },
];

/** Right messages of a tracker, by the tab that they are for. */
function trackerMessages(random: Random, tab: string, seq: number): Value[] {
  const payload = packPayload(random);
  return [
    {
      type: "session_start",
      data: { url: "https://shop.example/", tab, userAgent: "fuzz", startTime: NOW, viewport: { width: 1, height: 1 } },
    },
    { type: "session_update", data: { url: "https://shop.example/b", title: "b", userId: "u", traits: { plan: "pro" } } },
    { type: "events_batch", data: { events: EVENTS } },
    { type: "events_batch", data: { tab, events: EVENTS, markers: MARKERS } },
    {
      type: "events_batch",
      data: { tab, seq, firstAt: NOW, lastAt: NOW + 5, count: 3, checkout: seq === 0, markers: MARKERS, ...payload },
    },
    { type: "events_batch", data: { tab, seq, firstAt: NOW, lastAt: NOW + 5, count: 3, checkout: false, ...payload } },
    { type: "gap", data: { tab, fromSeq: seq, toSeq: seq + 3 } },
    { type: "tab_end", data: { tab } },
    { type: "session_end", data: {} },
  ];
}

function packPayload(random: Random): { encoding: string; rawBytes: number; payload: Uint8Array } {
  if (random.chance(0.02)) return { encoding: "deflate-raw", rawBytes: random.pick([10, 64 * 1024 * 1024]), payload: BOMB };
  const json = Buffer.from(JSON.stringify(EVENTS));
  if (random.chance(0.5)) return { encoding: "json", rawBytes: json.length, payload: Uint8Array.from(json) };
  return { encoding: "deflate-raw", rawBytes: json.length, payload: Uint8Array.from(deflateRawSync(json)) };
}

/** Right messages of a viewer. */
function viewerMessages(random: Random, sessionId: string): Value[] {
  return [
    { type: "viewer_join_session", data: { sessionId } },
    { type: "viewer_join_session", data: { sessionId, from: NOW, cursor: { "tab-1": random.between(-1, 9) } } },
    { type: "get_session_events", data: { sessionId, fromIndex: random.between(0, 10), limit: 10 } },
    { type: "watch_live_sessions", data: { projectId: random.between(0, 5) } },
    { type: "unwatch_live_sessions", data: { projectId: random.between(0, 5) } },
    { type: "viewer_leave_session", data: { sessionId } },
  ];
}

/** Whom a message pretends to be from. */
export interface Speaker {
  kind: "tracker" | "viewer";
  /** The tab, or the session that is asked for. */
  about: string;
  seq: number;
}

/** A right message with which a tracker begins. */
export function startMessage(tab: string, isBinary: boolean): Message {
  return encode({ type: "session_start", data: { url: "https://shop.example/", tab, startTime: NOW } }, isBinary);
}

/** One message: right, changed in its values, changed in its bytes, or nonsense from the start. */
export function hostileMessage(random: Random, speaker: Speaker): Message {
  const all =
    speaker.kind === "tracker" ? trackerMessages(random, speaker.about, speaker.seq) : viewerMessages(random, speaker.about);
  const right = random.pick(all);
  const isBinary = random.chance(0.6);
  switch (random.between(0, 9)) {
    case 0:
    case 1:
      return encode(right, isBinary);
    case 2:
    case 3:
    case 4:
    case 5:
      return encode(mutateValue(right, random), isBinary);
    case 6:
    case 7: {
      const { bytes } = encode(right, isBinary);
      return { isBinary: random.chance(0.9) ? isBinary : !isBinary, bytes: mutateBytes(bytes, random) };
    }
    case 8:
      return { isBinary: random.chance(0.1), bytes: nastyJson(random) };
    default:
      return encode(nastyValue(random), isBinary);
  }
}

/** The body of a request: fields of every route of ours, some of them wrong. */
export function hostileBody(random: Random): Uint8Array {
  if (random.chance(0.2)) return nastyJson(random);
  const { bytes } = encode(mutateValue(random.pick(BODIES), random), false);
  return random.chance(0.2) ? mutateBytes(bytes, random) : bytes;
}

const BODIES: readonly Value[] = [
  { email: "someone@example.com", password: "not the password" },
  { token: "x".repeat(43), email: "someone@example.com", password: "long enough to be one" },
  { current: "not the password", next: "long enough to be one" },
  { name: "Fuzz", slug: "fuzz" },
  {
    name: "Fuzz",
    settings: {
      allowedOrigins: ["https://shop.example"],
      sampleRate: 0.5,
      privacy: { maskAllInputs: true, maskText: "all", maskTextSelector: ".a", blockSelector: ".b" },
      redaction: { enabled: true, payloads: false, keys: ["card"], allow: ["id"], patterns: ["card"] },
      retentionDays: 7,
      errorRetentionDays: null,
      storageBudgetBytes: 1_000_000,
      limits: { maxEventsPerSession: 10, maxSocketsPerKey: 10, batchesPerSecond: 5 },
    },
  },
  { name: "fuzz", scopes: ["read"], projectId: 1, expiresAt: NOW },
  { email: "someone@example.com", role: "viewer" },
  { role: "admin" },
  { isAdmin: true, disabled: false },
  { from: NOW, to: NOW + 1 },
];

/** Messages behind their lengths, as `POST /v1/ingest` takes them, with the lengths right or not. */
export function hostileFrames(random: Random, tab: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  const messages = [startMessage(tab, true)];
  for (let i = random.between(0, 4); i > 0; i--) messages.push(hostileMessage(random, { kind: "tracker", about: tab, seq: i }));
  if (random.chance(0.2)) messages.reverse();
  for (const { bytes } of messages) {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(random.chance(0.05) ? random.pick([0, 1, 0xffff_ffff, bytes.length + 1]) : bytes.length);
    pieces.push(head, bytes);
  }
  const body = Uint8Array.from(Buffer.concat(pieces));
  return random.chance(0.3) ? mutateBytes(body, random) : body;
}

function encode(value: Value, isBinary: boolean): Message {
  if (isBinary) return { isBinary, bytes: packMessage(value) };
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    inner instanceof Uint8Array ? Buffer.from(inner).toString("base64") : inner,
  );
  return { isBinary, bytes: new TextEncoder().encode(text) };
}
