/** Bytes in slices, so that of what waits for a slow reader no more than one is out of our hands. */

/** Longest slice. */
export const SLICE_BYTES = 64 * 1024;

/** The same bytes, in order and not copied. */
export function* slicesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) yield bytes.subarray(at, at + SLICE_BYTES);
}
