/** Reads zip files of strangers: by their central directory, into memory, within bounds. Names are only names here, never paths. */

import { inflateRawSync } from "node:zlib";

/** What is in a zip, still packed. */
export interface ZipEntry {
  name: string;
  /** 0: stored; 8: deflated. */
  method: number;
  packed: Uint8Array;
}

/** What makes a zip unreadable, in words for whoever sent it. */
export class ZipFault extends Error {
  override readonly name = "ZipFault";
}

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 65_535;
const STORED = 0;
const DEFLATED = 8;

/**
 * Lists a zip without inflating anything. What is before it (a header of some kind) does not matter.
 * @throws ZipFault for what is no zip, is cut off, is encrypted, has more than `maxEntries`, or files that lie over each other
 */
export function listZip(bytes: Uint8Array, maxEntries: number): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEnd(view);
  if (end < 0) throw new ZipFault("this is no zip file, or its end is missing");
  const count = view.getUint16(end + 10, true);
  const size = view.getUint32(end + 12, true);
  if (count > maxEntries) throw new ZipFault(`the zip has more than ${maxEntries} files`);
  const start = end - size;
  // Offsets count from where the zip began before somebody put something in front of it.
  const shift = start - view.getUint32(end + 16, true);
  if (start < 0 || shift < 0) throw new ZipFault("the list of the zip is cut off (or the zip is larger than 4 GB)");
  const entries: ZipEntry[] = [];
  let packedTotal = 0;
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== CENTRAL) throw new ZipFault("the list of the zip is broken");
    const nameBytes = view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameBytes));
    if ((view.getUint16(at + 8, true) & 1) !== 0) throw new ZipFault("the zip is encrypted");
    const packedBytes = view.getUint32(at + 20, true);
    // Each of many files could be the same bytes, and come to many times what was sent.
    packedTotal += packedBytes;
    if (packedTotal > bytes.length) throw new ZipFault("files of the zip lie over each other");
    const local = view.getUint32(at + 42, true) + shift;
    if (!name.endsWith("/")) {
      entries.push({ name, method: view.getUint16(at + 10, true), packed: packedAt(bytes, view, local, packedBytes) });
    }
    at += 46 + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

/**
 * The bytes of an entry.
 * @throws ZipFault for a packing that is not read here, for what is broken, and for more than `maxBytes`
 */
export function unpackEntry(entry: ZipEntry, maxBytes: number): Uint8Array {
  if (entry.method === STORED) {
    if (entry.packed.length > maxBytes) throw new ZipFault(`a file of the zip has more than ${maxBytes} bytes`);
    return entry.packed;
  }
  if (entry.method !== DEFLATED)
    throw new ZipFault(`a file of the zip is packed in a way that is not read here (${entry.method})`);
  try {
    return inflateRawSync(entry.packed, { maxOutputLength: Math.max(1, maxBytes) });
  } catch (error) {
    if (error instanceof RangeError) throw new ZipFault(`a file of the zip has more than ${maxBytes} bytes`, { cause: error });
    throw new ZipFault("a file of the zip is broken", { cause: error });
  }
}

function findEnd(view: DataView): number {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= 0 && at >= last - MAX_COMMENT_BYTES; at--) if (view.getUint32(at, true) === END) return at;
  return -1;
}

function packedAt(bytes: Uint8Array, view: DataView, at: number, packedBytes: number): Uint8Array {
  if (at + 30 > bytes.length || view.getUint32(at, true) !== LOCAL)
    throw new ZipFault("a file of the zip is not where its list says");
  const start = at + 30 + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
  if (start + packedBytes > bytes.length) throw new ZipFault("a file of the zip is cut off");
  return bytes.subarray(start, start + packedBytes);
}
