/**
 * What passes from the room that accepts envelopes to the one that stores replays: the body of an `intake` row of kind `replay`.
 *
 * An envelope that has a `replay_event` and a `replay_recording` makes one such row: its head is what every row's head is (`event_id`,
 * `sent_at`, `sdk`), its body both items as they were received. `server/replays` takes these rows; the digest of errors leaves them alone.
 */

const HEAD_BYTES = 4;

/** The two items of one segment, as received. */
export interface ReplayItems {
  /** JSON of the `replay_event` item; empty where the envelope had none. */
  event: Uint8Array;
  /** The `replay_recording` item: a line of JSON, and then a zlib stream or a JSON array. */
  recording: Uint8Array;
}

/** Puts both items into one body: the length of the first as a big-endian uint32, the first, the second. */
export function packReplay({ event, recording }: ReplayItems): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(HEAD_BYTES + event.length + recording.length);
  new DataView(body.buffer).setUint32(0, event.length);
  body.set(event, HEAD_BYTES);
  body.set(recording, HEAD_BYTES + event.length);
  return body;
}

/** The items of a body, as views of it; null for what {@link packReplay} did not make. */
export function unpackReplay(body: Uint8Array): ReplayItems | null {
  if (body.length < HEAD_BYTES) return null;
  const end = HEAD_BYTES + new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(0);
  return end > body.length ? null : { event: body.subarray(HEAD_BYTES, end), recording: body.subarray(end) };
}
