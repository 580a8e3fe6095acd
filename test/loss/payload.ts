/** Batches whose bytes follow from whose they are and their seq, so that any reader can tell a changed, swapped or stray one. */

import { createHash } from "node:crypto";
import type { OutgoingBatch } from "../../bin/lib/tracker-client.ts";

/** Page times begin here; a batch a second. */
const EPOCH = 1_795_000_000_000;
const MAX_PIECES = 24;

/** The payload of batch `seq` of the tracker `name`: JSON of real shape, 200 bytes to 3 KB. */
export function payloadOf(name: string, seq: number): Buffer {
  const digest = createHash("sha256").update(`${name}/${seq}`).digest();
  const pieces = 1 + ((digest[0] ?? 0) % MAX_PIECES);
  const timestamp = EPOCH + seq * 1_000;
  const events = Array.from({ length: pieces }, (_, i) => ({
    type: 3,
    data: { source: 0, tracker: name, seq, piece: i, of: pieces, digest: digest.toString("hex") },
    timestamp: timestamp + i,
  }));
  return Buffer.from(JSON.stringify(events));
}

/** The whole batch, with a marker in every fifth, so that the rows beside the batch are seen to come with it. */
export function batchOf(name: string, seq: number, isCheckout: boolean): OutgoingBatch {
  const payload = payloadOf(name, seq);
  const firstAt = EPOCH + seq * 1_000;
  const count = 1 + ((createHash("sha256").update(`${name}/${seq}`).digest()[0] ?? 0) % MAX_PIECES);
  return {
    firstAt,
    lastAt: firstAt + count - 1,
    count,
    checkout: isCheckout,
    encoding: "json",
    rawBytes: payload.length,
    payload,
    markers: hasMarker(seq) ? [{ kind: "error", at: firstAt, name: "Error", text: `${name}/${seq}`, stack: "at test" }] : [],
  };
}

/** True where batch `seq` carries an error marker. */
export function hasMarker(seq: number): boolean {
  return seq % 5 === 4;
}
