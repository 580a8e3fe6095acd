/** The batches that load is made of: 20 small rrweb events, about 2 KB of JSON, ready to be sent again under another seq. */

import { packMessage } from "../../protocol/msgpack-encode.ts";
import type { RrwebEvent } from "../../protocol/rrweb-event.ts";
import { clientFrame, OPCODE } from "./ws-frames.ts";

/** Events of one batch. */
export const BATCH_EVENTS = 20;
const FIELDS = ["quantity", "search", "comment", "address"];

/** Twenty input and mouse events as a page in use makes them, from `startAt` on; close to 2,000 bytes as JSON. */
export function sampleEvents(startAt: number): RrwebEvent[] {
  return Array.from({ length: BATCH_EVENTS }, (_, i) => {
    const timestamp = startAt + i * 50;
    return i % 2 === 0
      ? { type: 3, data: { source: 1, positions: [{ x: 400 + i * 7, y: 200 + i * 3, id: 40 + i, timeOffset: -20 }] }, timestamp }
      : { type: 3, data: { source: 5, text: `${FIELDS[i % 4] ?? ""} ${i}`, isChecked: false, id: 60 + i }, timestamp };
  });
}

/** A ready frame whose seq and times can be set in place. */
export interface PatchableFrame {
  bytes: Buffer;
  /** Writes seq and times into `bytes`. */
  patch(seq: number, at: number): void;
  /** The same frame in memory of its own, for a socket that has not taken the last one yet. */
  clone(): PatchableFrame;
}

/** A packed batch in MessagePack, as our tracker sends it. The payload is the JSON of {@link sampleEvents}, or what is given. */
export function packedFrame(tab: string, payload: Uint8Array = samplePayload(), count: number = BATCH_EVENTS): PatchableFrame {
  const at = Date.now() + 0.5; // a fraction, so that the encoder writes a float64
  const message = packMessage({
    type: "events_batch",
    data: {
      tab,
      seq: 0xffff_ffff,
      firstAt: at,
      lastAt: at,
      count,
      checkout: false,
      encoding: "json",
      rawBytes: payload.length,
      payload,
    },
  });
  return packedPatcher(clientFrame(OPCODE.binary, message));
}

function packedPatcher(bytes: Buffer): PatchableFrame {
  const seqAt = valueOffset(bytes, "seq");
  const firstAt = valueOffset(bytes, "firstAt");
  const lastAt = valueOffset(bytes, "lastAt");
  const checkoutAt = valueOffset(bytes, "checkout") - 1;
  return {
    bytes,
    patch(seq, at) {
      bytes.writeUInt32BE(seq, seqAt);
      bytes.writeDoubleBE(at, firstAt);
      bytes.writeDoubleBE(at + (BATCH_EVENTS - 1) * 50, lastAt);
      bytes[checkoutAt] = seq === 0 ? 0xc3 : 0xc2;
    },
    clone: () => packedPatcher(Buffer.from(bytes)),
  };
}

/** Offset of the value behind a key, past the tag byte of a 32-bit or 64-bit number. */
function valueOffset(bytes: Buffer, key: string): number {
  const at = bytes.indexOf(Buffer.concat([Buffer.from([0xa0 | key.length]), Buffer.from(key)]));
  if (at < 0) throw new Error(`no key ${key} in the frame`);
  return at + 1 + key.length + 1;
}

/** The same events as a JSON text frame, as a plain client sends them, with room for a seq of 10 digits. */
export function plainFrame(tab: string): PatchableFrame {
  const text = JSON.stringify({ type: "events_batch", data: { tab, seq: 1_234_567_890, events: sampleEvents(Date.now()) } });
  return plainPatcher(clientFrame(OPCODE.text, Buffer.from(text)));
}

function plainPatcher(bytes: Buffer): PatchableFrame {
  const seqAt = bytes.indexOf('"seq":') + 6;
  return {
    bytes,
    patch(seq) {
      bytes.write(String(seq).padEnd(10, " "), seqAt, "latin1"); // JSON allows white space behind a number
    },
    clone: () => plainPatcher(Buffer.from(bytes)),
  };
}

/** The JSON of {@link sampleEvents} as bytes. */
export function samplePayload(): Buffer {
  return Buffer.from(JSON.stringify(sampleEvents(Date.now())));
}
