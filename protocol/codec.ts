/**
 * Messages to and from bytes, for the server and the viewer (the page uses `msgpack-encode.ts` and plain JSON, to stay small).
 * A text frame is JSON, a binary frame the same object in MessagePack, without extensions.
 */

import { Packr, Unpackr } from "msgpackr";
import * as v from "valibot";
import { isNestedTooDeep } from "./json-depth.ts";
import { MAX_DEPTH } from "./limits.ts";
import { findMsgpackFault } from "./msgpack-check.ts";
import { cleanText } from "./text.ts";

/** Why a frame was refused. */
export class MalformedMessage extends Error {
  override readonly name = "MalformedMessage";
}

/** A frame as it came: `type` is a string, `data` not looked at yet. */
export interface Envelope {
  type: string;
  data: unknown;
}

// `skipValues` leaves out what is undefined, as JSON does; without it each becomes an extension. Its type is missing in msgpackr.
const packing = { useRecords: false, variableMapSize: true, skipValues: [undefined] };
const packr: { pack(value: unknown): Uint8Array } = new Packr(packing);
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "number" });

/** Packs `{type, data}` into a binary frame. The result is the caller's to keep. */
export function encodeBinary(type: string, data: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(packr.pack({ type, data }));
}

/** Writes `{type, data}` as a text frame; bytes become base64. */
export function encodeText(type: string, data: unknown): string {
  return JSON.stringify({ type, data }, bytesToBase64);
}

/** Looks at the value as it was before `toJSON`: that of Node's Buffer has made an object of the bytes already. */
function bytesToBase64(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  const held = this[key];
  return held instanceof Uint8Array ? toBase64(held) : value;
}

/**
 * Reads a binary frame. Byte fields are views of `bytes`, not copies.
 * @throws MalformedMessage with a reason that is safe to send back
 */
export function decodeBinary(bytes: Uint8Array): Envelope {
  const fault = findMsgpackFault(bytes);
  if (fault !== null) throw new MalformedMessage(`not a MessagePack message: ${fault}`);
  let value: unknown;
  try {
    value = unpackr.unpack(bytes);
  } catch {
    throw new MalformedMessage("not a MessagePack message");
  }
  return toEnvelope(value);
}

/**
 * Reads a text frame.
 * @throws MalformedMessage with a reason that is safe to send back
 */
export function decodeText(text: string): Envelope {
  if (isNestedTooDeep(text)) throw new MalformedMessage(`nested deeper than ${MAX_DEPTH}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MalformedMessage("not a JSON message");
  }
  const envelope = toEnvelope(value);
  if (envelope.type === "events_batch") unpackBase64(envelope.data);
  return envelope;
}

/**
 * Checks the data of a message against its schema.
 * @param schemas one of `fromTracker`, `toTracker`, `fromViewer`, `toViewer`
 * @throws MalformedMessage that names the first field that is wrong
 */
export function parseMessage<S extends Record<string, v.GenericSchema>, T extends keyof S & string>(
  schemas: S,
  envelope: Envelope,
): { [K in T]: { type: K; data: v.InferOutput<S[K]> } }[T] {
  const schema = Object.hasOwn(schemas, envelope.type) ? schemas[envelope.type] : undefined;
  if (!schema) throw new MalformedMessage(`unknown message type ${JSON.stringify(envelope.type.slice(0, 64))}`);
  const result = v.safeParse(schema, envelope.data ?? {});
  if (!result.success) throw new MalformedMessage(`${envelope.type}: ${describeIssue(result.issues[0])}`);
  // The schema that was found under `type` made `output`, which is what the mapped type says.
  return { type: envelope.type, data: result.output } as { [K in T]: { type: K; data: v.InferOutput<S[K]> } }[T];
}

/** One line for one fault: the path and what was expected, without the value that was sent. */
export function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  const what = issue.type === "check" || issue.type === "custom" ? issue.message : `expected ${issue.expected ?? issue.type}`;
  return path ? `${cleanText(path.slice(0, 128))}: ${what}` : what;
}

function toEnvelope(value: unknown): Envelope {
  if (typeof value !== "object" || value === null || !("type" in value) || typeof value.type !== "string") {
    throw new MalformedMessage("expected {type, data}");
  }
  return { type: value.type, data: "data" in value ? value.data : undefined };
}

function unpackBase64(data: unknown): void {
  if (typeof data !== "object" || data === null || !("payload" in data) || typeof data.payload !== "string") return;
  try {
    const binary = atob(data.payload);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    data.payload = bytes;
  } catch {
    throw new MalformedMessage("events_batch: payload: expected base64");
  }
}

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(binary);
}
