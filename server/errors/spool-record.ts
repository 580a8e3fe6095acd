/**
 * How an accepted row lies in a spool file: length (uint32, big-endian, of all that follows), CRC-32 of what follows it, length of the
 * head, the head as JSON, the body. A record that was not written to its end does not fit its checksum, and nothing follows it.
 */

import { crc32 } from "node:zlib";
import * as v from "valibot";
import type { AcceptedRow, AttachmentHead } from "./accepted.ts";
import { readIntakeHead } from "../intake-head.ts";

/** Length and checksum. */
export const PREFIX_BYTES = 8;
const HEAD_LENGTH_BYTES = 4;
const MAX_HEAD_BYTES = 64 * 1024;

/** A row with the key by which it came: whether that was good is looked at when it is poured. */
export interface SpooledRow {
  key: string;
  row: AcceptedRow;
  /** True where a write to the database failed half-way: it may be there already. */
  isUncertain: boolean;
}

const text = v.string();
const headSchema = v.object({
  key: text,
  isUncertain: v.fallback(v.boolean(), true),
  projectId: v.pipe(v.number(), v.safeInteger()),
  receivedAt: v.number(),
  kind: v.picklist(["event", "feedback", "csp_report", "replay", "attachment"]),
  head: v.record(v.string(), v.unknown()),
});
const attachmentSchema = v.object({ event_id: text, ordinal: v.number(), name: text, content_type: text, type: text });

/** A row as bytes. */
export function encodeRecord({ key, row, isUncertain }: SpooledRow): Uint8Array {
  const { projectId, receivedAt, kind, head, body } = row;
  const headBytes = Buffer.from(JSON.stringify({ key, isUncertain, projectId, receivedAt, kind, head }));
  const record = Buffer.allocUnsafe(PREFIX_BYTES + HEAD_LENGTH_BYTES + headBytes.length + body.length);
  record.writeUInt32BE(record.length - 4, 0);
  record.writeUInt32BE(headBytes.length, PREFIX_BYTES);
  record.set(headBytes, PREFIX_BYTES + HEAD_LENGTH_BYTES);
  record.set(body, PREFIX_BYTES + HEAD_LENGTH_BYTES + headBytes.length);
  record.writeUInt32BE(crc32(record.subarray(PREFIX_BYTES)), 4);
  return record;
}

/** Bytes of the record that begins at `at`, its prefix included; null where fewer are there than the prefix has. */
export function recordLength(bytes: Buffer, at: number): number | null {
  return at + PREFIX_BYTES > bytes.length ? null : 4 + bytes.readUInt32BE(at);
}

/** The row of one whole record; null for one that is not what was written. */
export function decodeRecord(record: Buffer): SpooledRow | null {
  if (record.length < PREFIX_BYTES + HEAD_LENGTH_BYTES) return null;
  if (crc32(record.subarray(PREFIX_BYTES)) !== record.readUInt32BE(4)) return null;
  const headLength = record.readUInt32BE(PREFIX_BYTES);
  const bodyAt = PREFIX_BYTES + HEAD_LENGTH_BYTES + headLength;
  if (headLength > MAX_HEAD_BYTES || bodyAt > record.length) return null;
  let value: unknown;
  try {
    value = JSON.parse(record.toString("utf8", PREFIX_BYTES + HEAD_LENGTH_BYTES, bodyAt));
  } catch {
    return null;
  }
  const read = v.safeParse(headSchema, value);
  if (!read.success) return null;
  const { key, isUncertain, projectId, receivedAt, kind, head } = read.output;
  const common = { projectId, receivedAt, body: record.subarray(bodyAt) };
  if (kind !== "attachment") return { key, isUncertain, row: { ...common, kind, head: readIntakeHead(head) } };
  const attachment = v.safeParse(attachmentSchema, head);
  if (!attachment.success) return null;
  return { key, isUncertain, row: { ...common, kind, head: attachment.output satisfies AttachmentHead } };
}
